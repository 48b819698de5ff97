"""The reference of the command line, made from the parser itself: it says what `--help` says.

`reference/command-line.md` has marks where the verbs and the exit status go.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from sphinx.application import Sphinx

from IODeepLib import errors
from IODeepLib.cli.main import parser

_PAGE = "reference/command-line"
_SHARED = ("help", "json", "verbose")  # the page says these once


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == _PAGE:
        for mark, lines in (("<!-- verbs -->", _verbs()), ("<!-- exit status -->", _exit_status())):
            source[0] = source[0].replace(mark, "\n".join(lines))


def _verbs(of: argparse.ArgumentParser | None = None, before: str = "") -> Iterator[str]:
    """The verbs of a parser, each with its arguments; below it those that it has itself."""
    found = (a for a in (of or parser())._actions if isinstance(a, argparse._SubParsersAction))
    for name, verb in (item for verbs in found for item in verbs.choices.items()):
        level = "###" if before else "##"
        yield f"{level} {before}{name}\n\n{verb.description}\n"
        yield f"```text\n{verb.format_usage().removeprefix('usage: ').rstrip()}\n```\n"
        yield "| argument | |\n|---|---|"
        for action in verb._actions:
            if action.dest not in _SHARED:
                yield f"| {_names(action)} | {_cell(action.help or '')} |"
        yield ""
        yield from _verbs(verb, f"{name} ")


def _names(action: argparse.Action) -> str:
    """`--out DIR`, as usage lines have it."""
    value = action.metavar or "{" + ",".join(action.choices or ()) + "}"
    if action.nargs == 0:
        value = ""
    names = [f"{option} {value}".rstrip() for option in action.option_strings] or [str(value)]
    return ", ".join(f"`{_cell(name)}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("%%", "%").replace("|", "\\|")


def _exit_status() -> Iterator[str]:
    """The errors as `errors.py` has them, lowest status first."""
    named = [c for c in vars(errors).values() if isinstance(c, type) and c.exit_status > 1]
    yield "| status | error | |\n|---|---|---|\n| 0 | | done |\n| 1 | | a fault of IODeep itself |"
    for error in sorted(named, key=lambda error: error.exit_status):
        words = " ".join((error.__doc__ or "").partition("\n\n")[0].split())
        yield f"| {error.exit_status} | `{error.__name__}` | {words} |"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True}
