"""What somebody at Slicer reads is US English, as Slicer's style guide asks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CHANGELOG.md", "Docs/user-guide.md", "Docs/tutorials/slicer.md")

# In `code`, in quotes and behind a dot they are keys of the recipe, which is a format.
NAMES = re.compile(r"LICENCE\.txt|McConnell Brain Imaging Centre|Cancelled(?=Error)")
BRITISH = re.compile(
    r"""(?<![`"'.$\w])(?:
    \w*colour\w* | licen[c]e[sd]? | grey\w* | (?:un)?labell\w+ | \w*centre[sd]? | \w*met(?:re|res)
    | \w*litres? | \w*neighbour\w* | \w*behaviour\w* | \w*favour\w* | \w*honour\w*
    | cancell(?:ed|ing|able) | modell\w+ | travell\w+ | signall\w+ | programme[sd]? | catalogue\w*
    | dialogue\w* | judgement\w* | tumour\w* | artefact\w* | fibre\w* | defence | ageing | learnt
    | analys(?:e|ed|es|ing) | \w+isations? | standardis\w+
    | \w*(?:recogn|organ|normal|optim|summar|initial|visual|real|anonym|minim|maxim|local|util
            |special|serial|synchron|harmon|general|memor|author|categor|character|emphas
            |final|custom)is(?:e|ed|es|er|ers|ing)
    | \d\ ml
    )(?![\w`"'])""",
    re.IGNORECASE | re.VERBOSE,
)


def strings(path: Path) -> Iterator[str]:
    """Sentences of a program: every string with a space in it that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, str) and " " in node.value.strip():
                yield node.value
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
            yield from (one.value for one in node.args if isinstance(one, ast.Constant))


def british(texts: Iterator[str]) -> list[str]:
    return [
        f"{found[0]!r} in {text!r}"
        for text in texts
        for found in BRITISH.finditer(NAMES.sub("", text))
    ]


@pytest.mark.parametrize("folder", ["IODeep", "IODeepLib"])
def test_programs_speak_us_english(folder: str) -> None:
    """What the library says, too: its errors and notes reach the panel."""
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    wrong = {file.name: british(strings(file)) for file in files}
    assert not {name: words for name, words in wrong.items() if words}


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("IODeep/Resources/UI/*.ui")), ids=lambda p: p.name
)
def test_so_do_the_forms(path: Path) -> None:
    texts = [one.text or "" for one in ElementTree.parse(path).iter("string")]  # noqa: S314
    assert texts
    assert not british(iter(texts))


@pytest.mark.parametrize("name", PAGES)
def test_so_do_the_pages(name: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not british(iter(text.splitlines()))


def test_so_does_the_demonstration() -> None:
    text = (ROOT / "IODeepLib" / "demo_data" / "recipe.json").read_text(encoding="utf-8")
    assert not british(re.findall(r': "(.*)"', text))


@pytest.mark.parametrize("text", ["The colour of it", "Grey", "Cancelled.", "3 ml", "millimetres"])
def test_what_is_not_us_english_is_found(text: str) -> None:
    assert british(iter([text]))


@pytest.mark.parametrize(
    "text", ["$.card.licence: wanted", "a `licence`", "disease", "CT parameters"]
)
def test_what_is_a_key_or_a_word_of_both_is_not(text: str) -> None:
    assert not british(iter([text]))
