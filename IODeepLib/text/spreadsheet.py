"""Words as cells of tables that spreadsheets open."""

from __future__ import annotations

import re

from IODeepLib.text.foreign import plain

# What begins with one of these is computed, and may call programs (OWASP, "CSV Injection"); the
# wide forms in spreadsheets of East Asia. Where numbers have commas, cells end at semicolons.
_FORMULA = re.compile("(^|; *)(?=[=+@\uff1d\uff0b\uff20\uff0d-])")


def cell(words: str) -> str:
    """`words` on one line, which no spreadsheet takes for a formula: an apostrophe marks them."""
    return _FORMULA.sub(r"\1'", plain(words))
