"""Files the stages write and read back."""
