"""Errors and times, as people read them."""

from __future__ import annotations

import pytest
from IODeepSlicer.text import messages

from IODeepLib.errors import ImageError


def test_an_error_is_read_as_sentences() -> None:
    error = ImageError("no voxels", "an image", "choose another volume")
    assert messages.errorText(error) == "No voxels. Choose another volume."
    assert messages.errorText(ValueError("it broke.")) == "It broke. See the error log (Ctrl+0)."
    assert messages.errorText(MemoryError()) == "MemoryError. See the error log (Ctrl+0)."


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "Reading"),
        (2, "Reading, a few seconds left"),
        (31, "Reading, about 30 s left"),
        (150, "Reading, about 2 min left"),
    ],
)
def test_time_left(seconds: float | None, expected: str) -> None:
    assert messages.progressText("reading", seconds) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("http://127.0.0.1:8042 cannot be reached", "http://127.0.0.1:8042 cannot be reached."),
        ("iodeep.toml cannot be read", "iodeep.toml cannot be read."),
        ("brain@1.1.0 is retired", "brain@1.1.0 is retired."),
        ("models, all of them, are gone", "Models, all of them, are gone."),
        ("don't", "Don't."),
        ("", "ValueError."),
    ],
)
def test_what_is_written_in_its_own_way_stays_so(found: str, expected: str) -> None:
    assert messages.errorText(ValueError(found)).startswith(expected)
