"""Images that are sent to the service (PS3.4 annex B).

They go onto the disk as they arrive, and the sender is told so when they are there; what is done
with them is decided later. Objects that are no images are not asked for: the service is no archive.
"""

from __future__ import annotations

import os
from functools import partial
from itertools import chain
from pathlib import Path

from pydicom.uid import UID
from pynetdicom.dsutils import create_file_meta, encode_file_meta

from IODeepLib.errors import ModelError, OutputError
from IODeepLib.headers import quiet
from IODeepLib.headers.sop_classes import IMAGES
from IODeepLib.service.dimse.listener import Services
from IODeepLib.service.dimse.request import (
    C_STORE,
    NO_ROOM,
    NOT_UNDERSTOOD,
    OTHER_CLASS,
    SUCCESS,
    Request,
)
from IODeepLib.service.hands import Hands
from IODeepLib.sources.archive import Entity
from IODeepLib.sources.incoming import to_store
from IODeepLib.sources.transfer import TRANSFER_SYNTAXES
from IODeepLib.text.foreign import is_uid

_OFFERED = {name: TRANSFER_SYNTAXES for names in IMAGES.values() for name in names}


class _RefusedError(Exception):
    """The object is not taken.

    Args:
        status: of the answer.
        why: what people are told.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def storing(largest_gb: float) -> Services:
    """See `DimseListener`.

    Args:
        largest_gb: the largest object that is taken.
    """
    return Services(_OFFERED, {C_STORE: partial(_take, most=int(largest_gb * 10**9))})


def _take(hands: Hands, request: Request, most: int) -> bool:
    """Take an object, and answer; whether it is kept now.

    Args:
        hands: of the service.
        request: to store it.
        most: bytes of an object.
    """
    path = hands.received.arriving(hands.owner.name)
    try:
        hands.received.keep(path, _written(path, request, most))
    except _RefusedError as refusal:
        _pass_over(request)
        request.answer(refusal.status, comment=str(refusal))
        return False
    except (OSError, OutputError):
        _pass_over(request)
        request.answer(NO_ROOM, comment="no room on the disk")
        return False
    finally:
        path.unlink(missing_ok=True)
    request.answer(SUCCESS)
    return True


def _written(path: Path, request: Request, most: int) -> Entity:
    """Write the object as a DICOM file (PS3.10 section 7.1), which is on the disk then."""
    if not is_uid(request.sop_class) or not is_uid(request.instance):
        raise _RefusedError(NOT_UNDERSTOOD, "a UID that is none")
    with quiet():
        meta = create_file_meta(
            sop_class_uid=UID(request.sop_class),
            sop_instance_uid=UID(request.instance),
            transfer_syntax=request.syntax,
        )
    size = 0
    with path.open("wb") as file:
        for piece in chain([bytes(128) + b"DICM" + encode_file_meta(meta)], request.message.data):
            size += len(piece)
            if size > most:
                raise _RefusedError(NO_ROOM, f"more than {most} bytes")
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    try:
        entity = to_store(path)
    except ModelError:
        raise _RefusedError(
            NOT_UNDERSTOOD, "no DICOM object, or one with a UID that is none"
        ) from None
    if entity.sop_uid != request.instance or entity.attributes["SOPClassUID"] != request.sop_class:
        raise _RefusedError(OTHER_CLASS, "another object than its request says")
    return entity


def _pass_over(request: Request) -> None:
    """What is left of an object that is not taken."""
    for _ in request.message.data:
        pass
