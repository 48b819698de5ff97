"""ONNX's operators in PyTorch, as far as networks that segment are made of them.

A rule is given what a node says and its inputs, None for one that is left out, and returns its
output, or all of them in a tuple. What it does not know exactly it refuses.
https://onnx.ai/onnx/operators
"""
