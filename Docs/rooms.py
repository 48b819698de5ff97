"""The picture of the rooms, and their tables in architecture.md: made from the code.

    python Docs/rooms.py

The order is that of Testing/IODeepLib/test_house.py, imports and sentences are those of the files,
and the journey is held against the calls in pipeline.py and in the run of a model's stages: what is
not so is an error. A test asks whether what lies here is what this makes.
"""

from __future__ import annotations

import ast
import html
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY, SLICER = ROOT / "IODeepLib", ROOT / "IODeep" / "IODeepSlicer"
PAGE = ROOT / "Docs" / "architecture.md"
PICTURE = ROOT / "Docs" / "images" / "rooms.svg"

# Where a series is, in order: the room, what is called there, and what it does in one word.
JOURNEY = [
    ("sources", "source_of", "find"),
    ("series", "find_series", "sort"),
    ("selection", "judge", "choose"),
    ("model_object", "held", "verify"),
    ("network", "open_session", "open"),
    ("series", "volume", "read"),
    ("inference", "prepare", "prepare"),
    ("network", "Ensemble", "compute"),
    ("inference", "score_slabs", "blend"),
    ("inference", "decide", "decide"),
    ("inference", "postprocess", "tidy"),
    ("results", "Result", "write"),
    ("sources", "store", "store"),
]
# Of these, what pipeline.py does, itself or by the run of the stages; the rest happens before and
# behind it.
IN_PIPELINE = slice(2, 12)

ROW, TOP, LEFT, STEP = 30, 8, 155, 61  # pixels
STYLE = """
  svg { --paper: #fff; --stripe: #f1f4f7; --ink: #1f2733; --line: #1f7a8c; --dot: #8292a2; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #14181e; --stripe: #1d232b; --ink: #dbe2ea; --line: #4fb3c6; --dot: #8d9cab; }
  }
  .name { font: 13px ui-monospace, monospace; fill: var(--ink); }
  .stop { font: 12px system-ui, sans-serif; fill: var(--paper); text-anchor: middle; }
"""


def rooms(which: str = "ROOMS") -> list[str]:
    """Those of the library, or SLICER_ROOMS, from the ground up."""
    house = ast.parse((ROOT / "Testing/IODeepLib/test_house.py").read_text(encoding="utf-8"))
    for node in house.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == which:
            return ast.literal_eval(node.value)
    raise SystemExit(f"found no {which} in test_house.py")


def files(room: str) -> list[Path]:
    """Those of a room that is a folder, or the one file."""
    single = LIBRARY / f"{room}.py"
    return [single] if single.is_file() else sorted((LIBRARY / room).rglob("*.py"))


def nodes(room: str) -> Iterator[ast.AST]:
    """Everything in the files of a room."""
    for path in files(room):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def sentence(package: Path, room: str) -> str:
    """What a room says of itself: the first line of its docstring."""
    first = package / room / "__init__.py"
    path = first if first.is_file() else package / f"{room}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0]


def imports(room: str) -> set[str]:
    """The other rooms that a room imports from, anywhere in it."""
    found = set()
    for node in nodes(room):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
            if node.module == "IODeepLib":
                modules = [f"IODeepLib.{alias.name}" for alias in node.names]
        found |= {module.split(".")[1] for module in modules if module.startswith("IODeepLib.")}
    return (found & set(rooms())) - {room}


def calls(functions: dict[str, ast.FunctionDef], name: str) -> Iterator[str]:
    """What a function calls, in order, and what those of the same file call."""
    found = [node for node in ast.walk(functions[name]) if isinstance(node, ast.Call)]
    for call in sorted(found, key=lambda call: (call.end_lineno, call.end_col_offset)):
        called = ast.unparse(call.func).split(".")[-1]
        if called in functions:
            yield from calls(functions, called)
        yield called


def check_journey() -> None:
    """What the journey says is in the code, in that order."""
    for room, name, _ in JOURNEY:
        definitions = (n for n in nodes(room) if isinstance(n, (ast.FunctionDef, ast.ClassDef)))
        if name not in {node.name for node in definitions}:
            raise SystemExit(f"found no {name} in {room}; next: correct JOURNEY")
    stages = ast.parse((LIBRARY / "inference" / "stage_run.py").read_text(encoding="utf-8"))
    found = (*ast.walk(stages), *nodes("pipeline"))
    functions = {node.name: node for node in found if isinstance(node, ast.FunctionDef)}
    order = calls(functions, "run")
    for _, name, _ in JOURNEY[IN_PIPELINE]:
        if name not in order:
            raise SystemExit(f"pipeline.run calls {name} elsewhere; next: correct JOURNEY")


def picture() -> str:
    """The rooms as floors, the way of a series through them, and what each stop stands on."""
    names = rooms()[::-1]
    width, height = LEFT + STEP * len(JOURNEY) - 25, 2 * TOP + ROW * len(names)
    floors = {name: TOP + ROW * (i + 0.5) for i, name in enumerate(names)}
    points = [(LEFT + STEP * i, floors[room]) for i, (room, _, _) in enumerate(JOURNEY)]
    way = " ".join(f"{x},{y:g}" for x, y in points)
    inside = "\n".join(
        [
            *_stripes(names, width),
            *_pill("iodeep run", points[0][0], points[-1][0], floors["cli"], "--dot"),
            *_pill(
                "pipeline.run",
                points[IN_PIPELINE][0][0],
                points[IN_PIPELINE][-1][0],
                floors["pipeline"],
                "--dot",
            ),
            f'<polyline points="{way}" fill="none" stroke="var(--line)" stroke-width="2"/>',
            *(
                f'<circle cx="{x}" cy="{floors[other]:g}" r="3.5" fill="var(--dot)"/>'
                for (x, _), (room, _, _) in zip(points, JOURNEY, strict=True)
                for other in sorted(imports(room))
            ),
            *(
                part
                for (x, y), (_, _, word) in zip(points, JOURNEY, strict=True)
                for part in _pill(word, x, x, y, "--line")
            ),
        ]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>The rooms of IODeep, and the way of a series</title>\n<style>{STYLE}</style>\n"
        f'<rect width="{width}" height="{height}" fill="var(--paper)"/>\n{inside}\n</svg>\n'
    )


def _stripes(names: list[str], width: int) -> Iterator[str]:
    for i, name in enumerate(names):
        y = TOP + ROW * i
        if i % 2 == 0:
            yield f'<rect y="{y}" width="{width}" height="{ROW}" fill="var(--stripe)"/>'
        yield f'<text class="name" x="10" y="{y + 19.5:g}">{name}</text>'


def _pill(words: str, begin: float, end: float, y: float, colour: str) -> Iterator[str]:
    """Words on a ground that reaches around the points from `begin` to `end`."""
    around = 29
    x, width = begin - around, end - begin + 2 * around
    yield (
        f'<rect x="{x:g}" y="{y - 10:g}" width="{width:g}" height="20" rx="10" '
        f'fill="var({colour})"/>'
    )
    yield f'<text class="stop" x="{x + width / 2:g}" y="{y + 4:g}">{html.escape(words)}</text>'


def page() -> str:
    """architecture.md, with the tables of rooms, from the ground up, between their marks."""
    text = PAGE.read_text(encoding="utf-8")
    for package, which in ((LIBRARY, "ROOMS"), (SLICER, "SLICER_ROOMS")):
        rows = [f"| `{room}` | {sentence(package, room)} |" for room in rooms(which)]
        before, begin, rest = text.partition(f"<!-- {which} -->\n\n")
        _, end, after = rest.partition("\n\n<!-- end -->")
        table = "\n".join(["| room | what it holds |", "|---|---|", *rows])
        text = before + begin + table + end + after
    return text


def made() -> dict[Path, str]:
    """What this makes, by the files that hold it."""
    check_journey()
    return {PICTURE: picture(), PAGE: page()}


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8", newline="\n")
