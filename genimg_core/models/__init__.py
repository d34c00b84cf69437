"""Generative model families behind one Protocol, and the classifier."""
