"""What a signature has to be over, so that nothing that matters can be changed under it.

All standard elements that have a value, but for those that archives correct or set themselves.
Private elements come back from some of them as VR UN: what they hold is signed through Private Data
Element Characteristics Sequence (0008,0300), which has their digests.
"""

from __future__ import annotations

from pydicom.uid import RawDataStorage

from IODeepLib.trust.object_file import ObjectFile
from IODeepLib.trust.signed_bytes import is_signable

# Why something is signed (CID 7007): networks by who publishes them, results by who ran one.
_AUTHOR, _SOURCE = ("1", "Author's Signature"), ("14", "Source Signature")
SOP_CLASS, PRIVATE_ELEMENTS = 0x00080016, 0x00080300
# SOP Class, SOP Instance, Study and Series Instance UID: without them, a signature fits everywhere.
_IDENTITY = (SOP_CLASS, 0x00080018, 0x0020000D, 0x0020000E)
# Patient, request, visit: corrected when a name was misspelled, a patient was registered late.
_GROUPS_OF_THE_PATIENT = (0x0010, 0x0032, 0x0038)
_OF_THE_STUDY = (
    *(0x00080020, 0x00080030, 0x00080050, 0x00080051, 0x00080090, 0x00080096, 0x0008009C),
    *(0x0008009D, 0x00081030, 0x00081032, 0x00081048, 0x00081049, 0x00081060, 0x00081062),
    *(0x00081110, 0x00081111, 0x00081120, 0x00200010, 0x00120062, 0x00120063, 0x00120064),
    *(0x00400244, 0x00400245, 0x00400250, 0x00400251, 0x00400253, 0x00400254, 0x00400260),
    *(0x00400275, 0x00400280),
)
# Where it lies, and what became of it since.
_OF_THE_ARCHIVE = (
    *(0x00080015, 0x00080053, 0x00080054, 0x00080056, 0x00880130, 0x00880140, 0x01000410),
    *(0x04000550, 0x04000561),
)
_NOT_SIGNED = {*_OF_THE_STUDY, *_OF_THE_ARCHIVE}


def to_sign(found: ObjectFile) -> tuple[int, ...]:
    """The tags of all elements of an object that a signature has to be over, in their order."""
    there = {tag for tag, element in found.top.items() if not element.is_empty and _matters(tag)}
    needed = {*_IDENTITY}
    if found.text(SOP_CLASS) == RawDataStorage:  # what it holds is in private elements
        needed.add(PRIVATE_ELEMENTS)
    return tuple(sorted(there | needed))


def purpose_of(found: ObjectFile) -> tuple[str, str]:
    """Code and meaning of the purpose with which an object is signed."""
    return _AUTHOR if found.text(SOP_CLASS) == RawDataStorage else _SOURCE


def _matters(tag: int) -> bool:
    group = tag >> 16
    if group % 2 or group in _GROUPS_OF_THE_PATIENT or not is_signable(tag):
        return False
    return tag not in _NOT_SIGNED
