"""What lies on this machine's disk, and who may touch it."""
