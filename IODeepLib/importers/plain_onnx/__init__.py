"""A network as ONNX, and nothing else: what it shows of itself, and what has to be answered."""
