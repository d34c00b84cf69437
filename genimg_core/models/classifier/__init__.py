"""A small CNN that tells classes apart: it fills in missing labels, and its penultimate layer is what scores are measured in."""
