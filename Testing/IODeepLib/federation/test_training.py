"""What a site trains with; that it does stands in Testing/judges, which has PyTorch."""

from __future__ import annotations

import sys
from typing import cast

import pytest

from IODeepLib.cohort import Cohort
from IODeepLib.errors import UsageError
from IODeepLib.federation.training import trainer


def test_what_is_not_there_is_said_before_anything_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match="no Python package torch") as caught:
        trainer(cast(Cohort, None))
    assert "pip install 'IODeepLib[train]'" in str(caught.value)
