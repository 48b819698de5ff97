"""Names that a person takes for each other: by case, by digits, by letters of other alphabets.

A part of Unicode's confusables (UTS #39), for letters that names are written with. Nothing is
refused for it: too many names that look alike are meant to.
"""

from __future__ import annotations

import unicodedata

# Small letters, digits and signs that look like a Latin letter, or like the same as one that does.
_LIKE = {
    "a": "аαɑ",
    "b": "ьв",
    "c": "сϲ",
    "d": "ԁ",
    "e": "еε",
    "g": "ɡ",
    "h": "һн",
    "j": "ј",
    "k": "кκ",
    "l": "iіιıɩӏ1|!",
    "m": "м",
    "n": "ηп",
    "o": "оοσօ0",
    "p": "рρ",
    "q": "ԛ",
    "r": "г",
    "s": "ѕ5",
    "t": "тτ",
    "u": "υս",
    "v": "ѵν",
    "w": "ԝω",
    "x": "хχ",
    "y": "уγ",
    "z": "ζ",
}
_LETTERS = str.maketrans({sign: letter for letter, signs in _LIKE.items() for sign in signs})
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_BETWEEN = str.maketrans("", "", "-_. ")


def skeleton(name: str) -> str:
    """Equal for names that look alike."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    text = "".join(c for c in letters if not unicodedata.combining(c)).casefold()
    text = text.translate(_LETTERS).translate(_BETWEEN)
    for pair, single in _PAIRS:
        text = text.replace(pair, single)
    return text
