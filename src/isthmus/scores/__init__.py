"""Questions that one asks a fitted model about a row: one file per kind."""
