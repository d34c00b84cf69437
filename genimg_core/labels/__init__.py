"""Labels: given, and predicted."""
