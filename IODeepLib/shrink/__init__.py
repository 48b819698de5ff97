"""Networks made smaller: weights of half the bits, or integers, and what that changed, measured."""
