"""Label maps in the formats of research and of radiotherapy, see Docs/results.md."""
