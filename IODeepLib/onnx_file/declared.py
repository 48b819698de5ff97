"""What the integers that stand in a network say: how long its loops run, what sizes it makes.

What can be known without running it is refused before ONNX Runtime sees it; loops that end by a
condition, and sizes that are computed, can only be ended and run out of memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

# Steps of a loop that nothing else ends. A sequence, or the slices of a volume, have thousands.
MAX_STEPS = 10**6
MOST_VALUES = 64  # of a constant that is looked at: shapes have as many axes at most
_VALUE_BYTES = 4  # of float32, as of nearly all tensors


@dataclass(slots=True)
class Declared:
    """Constants of a network, and the nodes that take their sizes from them.

    Attributes:
        integers: short constants of int64, by their name; of two with one name, the larger one.
        nodes: (operator, inputs) of those whose inputs are sizes.
        most_values: of a tensor that is described, but not stored as it is.
    """

    integers: dict[str, tuple[int, ...]] = field(default_factory=dict)
    nodes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    most_values: int = 0

    def add_constant(self, name: str, values: tuple[int, ...]) -> None:
        """Note a constant: names are unique within a graph or function only."""
        former = self.integers.get(name)
        if former is None or math.prod(former) < math.prod(values):
            self.integers[name] = values

    def add_shape(self, shape: Sequence[int]) -> None:
        """Note a tensor that takes more room than the model has for it."""
        self.most_values = max(self.most_values, math.prod(shape))

    def add_node(self, operator: str, inputs: tuple[str, ...]) -> None:
        """Note a node, if its inputs are sizes."""
        if operator in ("Loop", *_ELEMENTS):
            self.nodes.append((operator, inputs))

    def complaint(self) -> str:
        """What is wrong with its loops; "" if nothing is."""
        for operator, inputs in self.nodes:
            steps, condition = (*inputs, "", "")[:2]
            if operator != "Loop" or condition:
                continue
            count = self.integers.get(steps, (0,)) if steps else (math.inf,)
            if max(count, default=0) > MAX_STEPS:
                return f"a loop of {count[0]} steps, more than {MAX_STEPS}, without a condition"
        return ""

    def largest(self) -> int:
        """Bytes of the largest tensor whose size stands in the network."""
        sizes = (self._elements(operator, inputs) for operator, inputs in self.nodes)
        return _VALUE_BYTES * max([self.most_values, *sizes])

    def _elements(self, operator: str, inputs: tuple[str, ...]) -> int:
        known = [self.integers.get(name) for name in inputs]
        where = _ELEMENTS.get(operator)
        if operator == "Range" and len(known) == 3 and all(known):
            start, limit, delta = (values[0] for values in known if values)
            return max(0, -(-(limit - start) // delta)) if delta else 0
        shape = known[where] if where is not None and where < len(known) else None
        return math.prod(max(size, 0) for size in shape) if shape else 0


# Which input is a size, or the numbers of repeats. Those of Range are its three bounds.
_ELEMENTS = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1, "Range": 0}
