"""A limit on what others' code may take for tensors while it builds a network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IODeepLib.importers import packages


class BudgetError(Exception):
    """More tensors than the budget has bytes for."""


@contextmanager
def memory_budget(most: int) -> Iterator[None]:
    """A block in which PyTorch makes no more tensors of their own than these bytes hold.

    Each is counted before it gets memory, by the sizes that it is asked for, and never given back:
    numbers in a file may be small and still ask for all the memory of a machine.

    Raises:
        BudgetError: the first one that goes beyond.
    """
    torch = packages.torch()
    from torch.utils._python_dispatch import TorchDispatchMode

    left = most

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            nonlocal left
            kwargs = kwargs or {}
            sizes = args[0] if args else kwargs.get("size")
            if isinstance(sizes, (list, tuple)) and all(isinstance(size, int) for size in sizes):
                kind = kwargs.get("dtype") or torch.get_default_dtype()
                left -= math.prod(sizes) * kind.itemsize
                if left < 0:
                    raise BudgetError
            return func(*args, **kwargs)

    with Counting():
        yield
