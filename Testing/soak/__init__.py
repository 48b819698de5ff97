"""Many studies, and somebody who kills whatever works on them."""
