"""Which networks fit an image, and why.

`facts` are what the image says of itself, `criteria` hold them against what a network asks for, and
`ranking` puts the networks in order. Docs/selection.md is the whole of it for people.
"""

from IODeepLib.selection.ranking import (
    Candidate,
    Judgement,
    Selection,
    distinct_labels,
    judge,
    select,
)

__all__ = ["Candidate", "Judgement", "Selection", "distinct_labels", "judge", "select"]
