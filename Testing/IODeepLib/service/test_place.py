"""What the folder of the service lets others see."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from IODeepLib.service.database import Database
from IODeepLib.service.place import Place


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize("is_there", [True, False])
def test_nobody_else_sees_what_is_of_patients(tmp_path: Path, is_there: bool) -> None:
    """Also in a folder that somebody has made before, as folders are made."""
    folder = tmp_path / "service"
    if is_there:
        folder.mkdir(mode=0o755)
    place = Place(folder)
    Database(place.queue)
    images = place.images("1.2.3", "a state")
    images.mkdir(parents=True)
    with place.looking("somebody") as looking:
        for inner in (images, looking, place.queue):
            on_the_way = [part for part in (inner, *inner.parents) if part.is_relative_to(folder)]
            assert any(not stat.S_IMODE(part.stat().st_mode) & 0o077 for part in on_the_way)
            assert not on_the_way[-2].stat().st_mode & 0o077
