"""What is learned without labels, put to use with a few of them."""
