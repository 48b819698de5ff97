"""A trained network that can be called."""
