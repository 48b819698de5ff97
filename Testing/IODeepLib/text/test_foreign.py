"""What comes from elsewhere: UIDs before they are paths, text before it is shown."""

from __future__ import annotations

import pytest

from IODeepLib.text.foreign import is_uid, printable


@pytest.mark.parametrize("uid", ["1", "1.2.840.10008.5.1.4.1.1.2", "2.25." + "9" * 39, "1.02.3"])
def test_uids(uid: str) -> None:
    assert is_uid(uid)


@pytest.mark.parametrize(
    "uid",
    [
        "",
        ".",
        "..",
        "1..2",
        ".1",
        "1.",
        "../../etc/passwd",
        "/home/x/y",
        "1.2/../3",
        "1.2\\3",
        "1.2\n",
        "1.2\0",
        "C:1.2",
        "1.2.a",
        "١.٢",  # digits that are none of ASCII
        "1." + "2" * 63,
    ],
)
def test_what_is_no_uid(uid: str) -> None:
    assert not is_uid(uid)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("liver, 3 mm", "liver, 3 mm"),
        ("Müller^Jörg", "Müller^Jörg"),
        ("山田^太郎", "山田^太郎"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (" two  words\n", "two words"),
        ("a\r\nb\tc", "a b c"),
        ("\x1b[2Jx", "\ufffd[2Jx"),
        ("\x1b]0;title\x07", "\ufffd]0;title\ufffd"),
        ("\x9b31mred", "\ufffd31mred"),
        ("abc\u202etxt.exe", "abc\ufffdtxt.exe"),
        ("a\u2028b", "a b"),
        ("\u2066x\u2069", "\ufffdx\ufffd"),
        ("\ud800", "\ufffd"),
        ("\x00", "\ufffd"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
