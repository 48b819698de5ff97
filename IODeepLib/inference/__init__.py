"""The way of an image through a network, in order.

`preprocess` makes what the network reads, `patches` and `sliding_window` lead it through,
`decision_rule` and `decision` make labels of its scores (`classification`: values of the whole
image), `postprocess` cleans them, and `segmentation` is what comes out. For PET, `suv` comes first.
"""
