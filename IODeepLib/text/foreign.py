"""Values that come from elsewhere, checked once, at the door, before anything is done with them.

Whoever stores an object in a PACS, writes a file or answers for a server decides on what stands in
its UIDs and texts. A UID becomes a path, a URL or a key; a text is shown on a terminal or a window.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, quote_plus

LONGEST_UID = 64

# Characters of a description in which words are looked for, and body parts that a series may name;
# DICOM gives a description 64 (LO). Some ways of looking take the square of it.
LONGEST_TEXT = 1000
MOST_REGIONS = 100

# PS3.5 section 9.1, but for components that begin with 0, which real devices write. Nothing of
# this form leaves a folder, or is anything else in a URL.
_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)

# Format characters that words are written with (Persian, the languages of India, emoji).
_JOINERS = "\u200c\u200d"
_REPLACEMENT = "\ufffd"
_LIKE_LESS_THAN = "\u2039"  # looks like the real one, and begins no tag

# A shorter secret is only hidden where it stands alone, or no text could be read any more.
_SHORT = 4  # characters
_HIDDEN = "***"
_secrets: dict[str, str] = {}  # each form that one may have, and the pattern that finds it
_any_secret: re.Pattern[str] | None = None


def is_uid(value: str) -> bool:
    """Whether `value` has the form and length of a DICOM UID."""
    return len(value) <= LONGEST_UID and _UID.fullmatch(value) is not None


def keep_secret(secret: str, user: str = "") -> None:
    """From here on `printable` hides `secret`, whoever repeats it and in whatever form.

    `plain` does not: a password that is a word must not change what a card or an image says.

    Args:
        secret: a password or a token.
        user: whose password it is.
    """
    global _any_secret
    if not secret:
        return
    forms = {quote(secret, safe=""), quote_plus(secret)}
    for text in (secret, secret.encode().decode("latin-1")):  # as what is in a header is read
        forms |= {text, text.encode("unicode_escape").decode(), repr(text)[1:-1]}
    for pair in (f"{user}:{secret}", secret):
        forms.add(base64.b64encode(pair.encode()).decode().rstrip("="))
    for form in forms:
        pattern = re.escape(form)
        _secrets[form] = pattern if len(form) >= _SHORT else rf"(?<!\w){pattern}(?!\w)"
    longest_first = sorted(_secrets, key=len, reverse=True)
    _any_secret = re.compile("|".join(_secrets[form] for form in longest_first), re.IGNORECASE)


def _without_secrets(value: str) -> str:
    return value if _any_secret is None else _any_secret.sub(_HIDDEN, value)


def plain(value: str) -> str:
    """`value` on one line, without anything that a terminal or a window would obey.

    White space becomes single spaces; control characters (ESC, U+009B), those that turn the
    direction of what follows (U+202E) and all others without a picture become U+FFFD.
    """
    if value.isascii() and value.isprintable() and "  " not in value:
        return value.strip()
    return " ".join("".join(map(_shown, value)).split())


def plain_lines(value: str) -> str:
    """`value` without such characters; lines, tabs and the spaces within them stay as they are."""
    if value.isprintable():
        return value
    return "".join(c if c in "\n\t" else _shown(c) for c in value.replace("\r\n", "\n"))


def printable(value: str) -> str:
    """`value` for a message: as `plain` makes it, and without secrets."""
    return plain(_without_secrets(value))


def printable_lines(value: str) -> str:
    """`value` for an output of several lines: as `plain_lines` makes it, and without secrets."""
    return plain_lines(_without_secrets(value))


def untagged(value: str) -> str:
    """`value` with nothing in it that Qt could take for HTML: it shows pictures that HTML names."""
    return value.replace("<", _LIKE_LESS_THAN).replace("&lt;", _LIKE_LESS_THAN)


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return " " if character.isspace() else _REPLACEMENT
