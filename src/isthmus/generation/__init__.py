"""How new rows are made: codes, numbers, gaps, conditions, and what they are worth."""
