"""What only importers need: where it is not there, the message says what to install."""

from __future__ import annotations

import sys

import pytest

from IODeepLib.errors import UsageError
from IODeepLib.importers import packages


@pytest.mark.parametrize("module", ["torch", "dynamic_network_architectures.architectures"])
def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    if module != "torch":
        pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"no Python package.*pip install 'IODeepLib\[author\]'"):
        packages.torch() if module == "torch" else packages.unet()


def test_reasons_are_one_line() -> None:
    assert packages.first_line("  one\ntwo") == "one"
    assert packages.first_line("") == "no reason given"
    assert len(packages.first_line("x" * 5000)) == 200
