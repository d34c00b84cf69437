"""What people decide about single images: it survives every run, and wins over rules and machine."""
