"""A normalized data set in forms that other programs read."""
