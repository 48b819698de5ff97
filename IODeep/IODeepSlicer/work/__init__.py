"""Work in processes of its own, so that Slicer goes on meanwhile."""
