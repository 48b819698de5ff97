"""Words as cells of tables that spreadsheets open."""

from __future__ import annotations

from IODeepLib.text.foreign import plain

# What begins with one of these is computed, and may call programs (OWASP, "CSV Injection").
_FORMULAS = ("=", "+", "-", "@")


def cell(words: str) -> str:
    """`words` on one line, which no spreadsheet takes for a formula: an apostrophe marks them."""
    tame = plain(words)
    return f"'{tame}" if tame.startswith(_FORMULAS) else tame
