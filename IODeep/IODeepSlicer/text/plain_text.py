"""Text of others, as Qt shows it: it stays text, whatever it holds.

Qt takes a text whose first line looks like HTML for HTML, loads the images that it names, and logs
this computer in at the host of one at `file://host/share`. Labels get a text format, see
`widgets.say`. What has none, such as a tooltip, gets HTML of our own around what is `shown`.
Slicer's own widgets put names of nodes and segments into tooltips as they are: there go words that
are `tame`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from IODeepLib.text.foreign import printable, untagged
from IODeepLib.text.spreadsheet import cell


def inLines(text: str) -> str:
    """`text` without anything that a window would obey; its lines stay lines."""
    return "\n".join(map(printable, text.splitlines()))


def html(text: str) -> str:
    """`text` as a part of HTML."""
    return escape(inLines(text)).replace("\n", "<br>")


def shown(text: str) -> str:
    """HTML that shows `text` and nothing else; "" for none."""
    return f"<span>{html(text)}</span>" if text else ""


def tame(text: str) -> str:
    """`text` with nothing in it that could be taken for HTML; its lines stay lines."""
    return untagged(inLines(text))


def tableText(lines: Sequence[Sequence[str]]) -> str:
    """Rows of cells for the clipboard, as a spreadsheet takes them; it computes none of them."""
    return "\n".join("\t".join(map(_pasted, line)) for line in lines)


def _pasted(text: str) -> str:
    try:
        float(text)
    except ValueError:
        return cell(text)
    return text
