"""genimg: from a folder of images to a generator you can trust (the pure library; paths in, paths out)."""
