"""What this machine can give: memory, processors, threads; how work is spread and followed."""
