"""Pages made of templates. Whatever is put into one is escaped, and commands no window."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from IODeepLib import __version__
from IODeepLib.text.foreign import printable

_FOLDER = Path(__file__).parent / "templates"
_LONGEST = 2000  # characters of a text: nobody reads one that is longer


def rendered(
    template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """A page.

    Args:
        template: the name of its file.
        status: of HTTP.
        headers: further ones of the answer.
        values: what the template puts in, by name.
    """
    content = _environment().get_template(template).render(values)
    return HTMLResponse(content, status, None if headers is None else dict(headers))


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["when"] = _when
    made.globals["version"] = __version__  # what a browser keeps is of one version
    return made


def _shown(value: Any) -> Any:
    """A text as it may be shown; markup is ours."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    text = printable(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _when(moment: str | None) -> str:
    """A time of the queue, without fractions of a second: all are in UTC."""
    return "" if moment is None else moment[:19].replace("T", " ")
