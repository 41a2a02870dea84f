"""What a recommender is made of: interactions, models, ranking and its measures."""
