"""Where a result comes from, read back from its own files, and whether that still holds."""
