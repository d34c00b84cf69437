"""One image at a time: decode, figures, hashes."""
