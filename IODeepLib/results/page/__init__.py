"""A result as one HTML page for people, which needs nothing else: no network, no other file."""
