"""From a PNG back to the model that drew it, the data that the model learned from, and the sources of that data."""
