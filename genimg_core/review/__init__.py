"""Doubtful images out to a person, and the decisions back."""
