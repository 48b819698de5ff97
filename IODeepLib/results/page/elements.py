"""HTML put together of elements, never of strings: the standard library escapes what is in them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from IODeepLib.text.foreign import printable

Content = Element | str | None
# Nobody reads a text that is longer, and a page of names with ten thousand letters is none.
_LONGEST = 2000


def element(tag: str, *content: Content, kind: str = "", **attributes: str) -> Element:
    """An element with texts and other elements in it, in this order; None is left out.

    Args:
        tag: its name.
        content: what is in it. Texts may come from anywhere: what a window would obey is taken out
            of them.
        kind: its class.
        attributes: further ones; an underscore in their names stands for a dash.
    """
    made = Element(tag)
    if kind:
        made.set("class", kind)
    for name, value in attributes.items():
        made.set(name.replace("_", "-"), words(value))
    for part in content:
        if isinstance(part, Element):
            made.append(part)
        elif part is not None:
            # At the ends of a text, the space before or behind an element stays.
            before, behind = (" " * part[i : i + 1 or None].isspace() for i in (0, -1))
            _append_text(made, f"{before}{words(part)}{behind}")
    return made


def words(text: str) -> str:
    """A text as it may be shown, and no longer than one reads."""
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1].rstrip() + "…"


def listed(items: Iterable[Content]) -> Element:
    """A list of items."""
    return element("ul", *(element("li", item) for item in items))


def document(head: Iterable[Element], body: Iterable[Element]) -> str:
    """A whole page."""
    root = element("html", element("head", *head), element("body", *body), lang="en")
    return f"<!DOCTYPE html>\n{ElementTree.tostring(root, encoding='unicode', method='html')}\n"


def page_style() -> str:
    """The style sheet that all pages share."""
    return files("IODeepLib.results.page").joinpath("page.css").read_text(encoding="utf-8")


def head(title: str, css: str) -> Iterator[Element]:
    """What a page says of itself: it may have its own style and pictures, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    yield element("meta", charset="utf-8")
    yield element("meta", http_equiv="Content-Security-Policy", content=policy)
    yield element("meta", name="viewport", content="width=device-width, initial-scale=1")
    yield element("meta", name="color-scheme", content="light dark")
    yield element("meta", name="referrer", content="no-referrer")
    yield element("title", title)
    yield style(css)


def style(css: str) -> Element:
    """A style sheet, which is written as it stands: nothing of it comes from elsewhere."""
    made = Element("style")
    made.text = css
    return made


def _append_text(made: Element, text: str) -> None:
    if len(made):
        made[-1].tail = (made[-1].tail or "") + text
    else:
        made.text = (made.text or "") + text
