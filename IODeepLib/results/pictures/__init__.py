"""Results as pictures: slices with the labels drawn on them."""
