"""Multipart messages in chunks of whatever size."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from IODeepLib.sources.archive import TransientError
from IODeepLib.sources.dicomweb.multipart import DicomMessage, parts

# Contents that nearly are delimiters.
CONTENTS = st.lists(
    st.one_of(st.binary(max_size=50), st.sampled_from([b"\r\n--B", b"--BX\r\n", b"\r\n--"])),
    max_size=4,
).map(lambda pieces: b"".join(pieces).replace(b"\r\n--BX", b""))


def message(contents: list[bytes], preamble: bytes = b"") -> bytes:
    encoded = [b"--BX\r\nContent-Type: a/b\r\n\r\n" + content + b"\r\n" for content in contents]
    return preamble + b"".join(encoded) + b"--BX--\r\n"


def cut(whole: bytes, size: int) -> Iterator[bytes]:
    return (whole[start : start + size] for start in range(0, len(whole), size))


@given(st.lists(CONTENTS, max_size=4), st.integers(1, 60), st.sampled_from([b"", b"hello\r\n"]))
def test_parts_come_as_they_were(contents: list[bytes], size: int, preamble: bytes) -> None:
    read = parts(cut(message(contents, preamble), size), "BX")
    assert [b"".join(part) for part in read] == contents


@given(st.lists(CONTENTS, min_size=1, max_size=3), st.integers(1, 60), st.data())
def test_what_breaks_off_is_noticed(contents: list[bytes], size: int, data: st.DataObject) -> None:
    whole = message(contents).removesuffix(b"--\r\n")
    broken = whole[: data.draw(st.integers(0, len(whole)))]
    with pytest.raises(TransientError, match="breaks off"):
        for part in parts(cut(broken, size), "BX"):
            b"".join(part)


def test_parts_may_be_left_unread() -> None:
    read = parts(cut(message([b"1" * 100, b"2", b"3" * 100]), 7), "BX")
    assert len(list(read)) == 3


@pytest.mark.parametrize("size", [0, 1, 1000, 5_000_000])
def test_a_message_to_be_sent(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "file").write_bytes(content[:size])
    sent = DicomMessage(tmp_path / "file")
    encoded = b"".join(sent)
    assert len(encoded) == len(sent)
    assert b"".join(sent) == encoded  # it can be sent again
    boundary = sent.content_type.partition("boundary=")[2]
    assert len(boundary) >= 50
    assert boundary not in DicomMessage(tmp_path / "file").content_type
    assert [b"".join(part) for part in parts([encoded], boundary)] == [content[:size]]
    # Python's own reader agrees on where the part is.
    head = f"Content-Type: {sent.content_type}\r\n\r\n".encode()
    [judged] = message_from_bytes(head + encoded, policy=HTTP).get_payload()
    assert judged.get_content_type() == "application/dicom"
