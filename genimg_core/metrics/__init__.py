"""Scores: features, distances, coverage."""
