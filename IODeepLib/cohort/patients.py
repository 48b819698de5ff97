"""Patients as numbers, and which of them are for what.

The numbers, and the order in which patients are dealt out, come from digests of who they are: the
same cohort and seed give the same split, and nobody's place says anything about them. Every label
shall be in every split, as far as there are patients for it: the rarest label is dealt out first,
each time to the split that lacks it most (Sechidis et al., iterative stratification, 2011).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from IODeepLib.cohort.records import Split

# Whom a split is given first where there are fewer patients than splits.
_FIRST = (Split.TRAIN, Split.TEST, Split.VALIDATION)


def numbered(patients: Collection[str]) -> dict[str, int]:
    """A number for each patient, from 1, that says nothing of them."""
    return {one: i for i, one in enumerate(sorted(set(patients), key=_digest), 1)}


def dealt(
    labels: Mapping[str, frozenset[int]], shares: Sequence[int], seed: int
) -> dict[str, Split]:
    """What each patient is for.

    Args:
        labels: those that each patient has.
        shares: of the splits, in their order.
        seed: another one gives another split.
    """
    waiting = sorted(labels, key=lambda one: _digest(f"{seed} {one}"))
    share = dict(zip(Split, shares, strict=True))
    room = _sizes(len(waiting), share)
    lacking = {  # of each label, how many patients with it each split should still get
        label: _sizes(count, share)
        for label, count in Counter(x for own in labels.values() for x in own).items()
    }
    found: dict[str, Split] = {}
    while waiting:
        left = Counter(label for one in waiting for label in labels[one])
        rarest = min(left, key=lambda label: (left[label], label)) if left else None
        for one in [x for x in waiting if rarest is None or rarest in labels[x]]:
            open_ = [split for split in Split if room[split]]
            split = max(
                open_,
                key=lambda s: (0 if rarest is None else lacking[rarest][s], room[s]),
            )
            found[one] = split
            room[split] -= 1
            for label in labels[one]:
                lacking[label][split] -= 1
            waiting.remove(one)
    return found


def _sizes(count: int, shares: Mapping[Split, int]) -> dict[Split, int]:
    """How many patients each split gets: one at least, where there are enough of them."""
    wanted = {split: shares[split] * count / 100 for split in Split}
    sizes = {split: int(wanted[split]) for split in Split}
    for split in sorted(Split, key=lambda s: sizes[s] - wanted[s])[: count - sum(sizes.values())]:
        sizes[split] += 1
    asked = [split for split in _FIRST if shares[split]]
    for split in asked[: min(count, len(asked))]:
        if not sizes[split]:
            richest = max(Split, key=lambda s: sizes[s])
            sizes[richest] -= 1
            sizes[split] += 1
    return sizes


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
