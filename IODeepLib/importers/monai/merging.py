"""Functions with which bundles make one image of several channels: two forms, read and never run.

`lambda x: x[1:]` leaves the background out. `lambda x: torch.where(x[[2]] > 0, 4,
torch.where(x[[0]] > 0, 1, 0))` paints channels over each other (BraTS).
"""

from __future__ import annotations

import ast

_MOST = 64  # channels


def takes_foreground(text: str) -> bool:
    """Whether a function leaves nothing but the background out."""
    body = _body(text)
    return body is not None and ast.unparse(body) == "x[1:]"


def regions_of(text: str) -> list[tuple[int, int]] | None:
    """(channel, label value) in the order of painting, of a function in the second form.

    None where it is in another.
    """
    node = _body(text)
    found: list[tuple[int, int]] = []
    while not (isinstance(node, ast.Constant) and type(node.value) is int and node.value == 0):
        part = _where(node)
        if part is None or len(found) >= _MOST:
            return None
        channel, value, node = part
        found.append((channel, value))
    # The outermost condition wins, and is painted last.
    return found[::-1] or None


def _body(text: str) -> ast.expr | None:
    """What a function of x gives; None where it is none."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body if len(text) < 10_000 else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if isinstance(tree, ast.Lambda) and ast.unparse(tree.args) == "x":
        return tree.body
    return None


def _where(node: ast.expr | None) -> tuple[int, int, ast.expr] | None:
    """Channel, label value and what is there otherwise, of `torch.where(x[[c]] > 0, v, rest)`."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="torch"), attr="where"),
            args=[
                ast.Compare(
                    left=ast.Subscript(
                        value=ast.Name(id="x"), slice=ast.List(elts=[ast.Constant(value=channel)])
                    ),
                    ops=[ast.Gt()],
                    comparators=[ast.Constant(value=0)],
                ),
                ast.Constant(value=value),
                rest,
            ],
            keywords=[],
        ) if type(channel) is int and type(value) is int and channel >= 0 and value > 0:
            return channel, value, rest
    return None
