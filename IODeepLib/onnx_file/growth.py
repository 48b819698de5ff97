"""What a network would grow to: its nodes once its functions are expanded.

A few kilobytes can describe more nodes than there is memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from IODeepLib.onnx_file.operators import Operator

# nnU-Nets have some hundred nodes, large transformers some ten thousand; ONNX Runtime takes a third
# of a millisecond for each.
MAX_NODES = 50_000
# Functions within each other, and graphs: exporters make one a module, ONNX Runtime ends at 100.
MAX_LEVELS = 64


@dataclass(slots=True)
class Body:
    """The main graph or a function, with the graphs within it.

    Attributes:
        nodes: how many there are, those that call a function among them.
        calls: by operator, how often it is used.
        levels: by operator, how many graphs within each other it stands in at most.
        deepest: how many graphs there are within each other.
    """

    nodes: int = 0
    calls: Counter[Operator] = field(default_factory=Counter)
    levels: dict[Operator, int] = field(default_factory=dict)
    deepest: int = 0

    def add(self, operator: Operator, level: int) -> None:
        """Note a node."""
        self.nodes += 1
        self.calls[operator] += 1
        self.levels[operator] = max(level, self.levels.get(operator, 0))
        self.deepest = max(level, self.deepest)


def complaint(main: Body, functions: Mapping[Operator, Body]) -> str:
    """What is wrong with what the network would grow to; "" if nothing is."""
    sizes: dict[Operator, tuple[int, int]] = {}  # nodes and levels of what is expanded already
    begun: set[Operator] = set()
    todo: list[Operator | None] = [None]  # an own stack; None is the main graph
    while todo:
        name = todo[-1]
        if name in sizes:
            todo.pop()
            continue
        body = main if name is None else functions[name]
        inner = [call for call in body.calls if call in functions]
        waiting = [call for call in inner if call not in sizes]
        if waiting:
            if name is not None:
                begun.add(name)
            if not begun.isdisjoint(waiting):
                return "a function that calls itself"
            todo += waiting
            continue
        nodes = body.nodes + sum(body.calls[call] * sizes[call][0] for call in inner)
        levels = max([body.deepest, *(body.levels[call] + sizes[call][1] for call in inner)])
        if nodes > MAX_NODES:
            return f"more than {MAX_NODES} nodes with its functions expanded"
        if levels > MAX_LEVELS:
            return f"more than {MAX_LEVELS} graphs and functions within each other"
        todo.pop()
        if name is not None:
            sizes[name] = nodes, levels
            begun.discard(name)
    return ""
