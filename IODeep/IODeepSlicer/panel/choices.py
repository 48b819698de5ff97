"""What a person can choose from: modalities, anatomic regions."""

from __future__ import annotations

import qt

from IODeepSlicer.requirements import RequirementsError, checkReading

_MODALITIES = ("CT", "MR", "PT", "US", "NM", "DX", "CR", "MG", "XA")


def fillModalities(box: qt.QComboBox) -> None:
    """Add the modalities, each with itself as data."""
    for modality in _MODALITIES:
        box.addItem(modality, modality)


def fillRegions(box: qt.QComboBox) -> None:
    """Add the anatomic regions by name, each with its term as data, behind the choice of none.

    It is called whenever they may be needed: once they are there it does nothing, and as long as
    packages lack, which the panel says, none can be added.
    """
    if box.count > 1:
        return
    try:
        checkReading()
    except RequirementsError:
        return
    from IODeepLib.codes import regions

    named = {r.code.meaning: r for r in regions() if r.term == r.body_part_examined}
    for meaning in sorted(named):
        box.addItem(meaning, named[meaning].term)
