"""A small CNN that tells classes apart: it fills in missing labels, and scores are measured in its features."""
