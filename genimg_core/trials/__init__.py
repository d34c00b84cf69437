"""Short trainings side by side: which family, which loss, which way of fine-tuning suits the user's data."""
