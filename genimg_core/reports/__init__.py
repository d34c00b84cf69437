"""The HTML page and the pictures in it."""
