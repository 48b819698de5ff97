"""3D networks for ONNX Runtime's processor code, rewritten while they are opened.

Its 3D convolutions are slow, its 2D ones are not: those work on blocks of channels. A network of
known layers is written anew with them, tried against the network itself, and run in its place.
Nothing of this is ever stored.
"""
