"""What a project no longer needs, and how it goes."""
