"""Networks that go on learning: an ONNX network as a PyTorch module, trained with own data.

What it learns goes back under the names that the weights have in the network, so that a tuned
version is the same network with other weights. Needs the extra [train]; `new_weights` does not.
"""
