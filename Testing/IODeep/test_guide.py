"""What the user guide says of messages, buttons and settings is in the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "Docs" / "user-guide.md").read_text(encoding="utf-8")
HOLE = "\0"  # what a message has in the place of names and figures


def section(title: str) -> str:
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.MULTILINE)
    return text


def rows(text: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def constant(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(constant(part) or HOLE for part in node.values)
    return None


def said() -> Iterator[str]:
    """Every sentence of the program, in one piece."""
    for folder in ("IODeep", "IODeepLib"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                text = constant(node) if isinstance(node, ast.expr) else None
                if text:
                    yield re.sub(r"\{[^{}]*\}", HOLE, text)  # of `format`


SAID = list(said())
MESSAGES = [row[0] for row in rows(section("When it does not work"))]


def is_said(message: str) -> bool:
    pieces = [re.escape(piece) for piece in message.split("…")]
    pattern = re.compile(".*".join(pieces), re.IGNORECASE | re.DOTALL)
    return any(pattern.search(text) for text in SAID)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_guide_is_said_by_the_program(message: str) -> None:
    assert max(map(len, message.split("…"))) > 6, "what would be found anywhere"
    assert is_said(message)


def test_there_are_many_and_each_has_an_answer() -> None:
    table = rows(section("When it does not work"))
    assert len(table) > 20
    assert all(len(row) == 2 and row[1] for row in table)


@pytest.mark.parametrize(
    "message", ["The flux capacitor … is not charged", "… fits no other image"]
)
def test_what_nobody_says_is_found_out(message: str) -> None:
    assert not is_said(message)


def test_buttons_of_the_guide_are_on_the_panel() -> None:
    """Whatever ends in an ellipsis is a button; so are those of the keyboard."""
    captions = {
        (one.text or "").replace("&", "")
        for path in ROOT.glob("IODeep/Resources/UI/*.ui")
        for one in parse(path).iter("string")  # noqa: S314  ours
    } | {text.replace("&", "") for text in SAID}
    named = {re.sub(r"\s+", " ", name) for name in re.findall(r"\*([A-Z][^*]*…)\*", GUIDE)}
    assert len(named) > 3
    assert named <= captions, named - captions
