"""What makes an image unusable, and when a data set is good enough."""
