"""Pure functions that word what people read."""
