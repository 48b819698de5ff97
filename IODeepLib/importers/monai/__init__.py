"""MONAI bundles: configs are read as data, what they do becomes a recipe, the network ONNX."""
