"""Models of nnU-Net that Kaapana stored as DICOM objects, which have to be imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from IODeepSlicer.text.i18n import tr as _


def kaapanaNetworks(files: Sequence[str]) -> list[tuple[list[str], str]]:
    """The files and the name of each network of Kaapana among them."""
    from IODeepLib.sources.other_networks import other_networks_in

    found = other_networks_in(map(Path, files))
    return [
        ([str(path) for path in one.files], f"{one.name} ({one.about})")
        for one in found
        if one.format == "kaapana"
    ]


def title(name: str) -> str:
    """What the DICOM browser calls it."""
    return _("{name} (nnU-Net model stored by Kaapana)").format(name=name)


def whatToDo() -> str:
    """Why it cannot be run, and what helps."""
    return _(
        "This is a trained folder of nnU-Net, as Kaapana stores it. It has to be imported first: "
        "Import a trained network in the IODeep module, with the folder of these files, or iodeep "
        "import kaapana."
    )
