"""What results are made with is there when they are made, and takes no memory from large series."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROBE = """
import sys
from IODeepLib.results import loading
if {shape}:
    loading.load_beside({shape})
    print(loading._loading.cache_info().currsize)
loading.load()
print(all(name in sys.modules for name in ("SimpleITK", "highdicom")))
"""


@pytest.mark.parametrize(
    ("shape", "begun"),
    [((40, 256, 256), ["1"]), ((600, 512, 512), ["0"]), ((), [])],
    ids=["small", "large", "not begun"],
)
def test_it_is_loaded_when_it_is_needed(shape, begun):
    call = [sys.executable, "-c", PROBE.format(shape=shape)]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [*begun, "True"]
