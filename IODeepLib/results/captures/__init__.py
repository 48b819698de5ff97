"""What was found, for a PACS that shows no segmentations: a picture, and what points at it."""
