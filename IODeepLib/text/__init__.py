"""Text from elsewhere, and for people: what may be shown of it, JSON, and words of messages."""
