"""What changed in a data set since an earlier version of it."""
