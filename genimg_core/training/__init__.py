"""The training loop and what keeps its state."""
