"""What is said in rounds, without objects around it."""

from __future__ import annotations

from typing import Any

from IODeepLib.federation.records import Round, Settings, Trained


def round_of(**changes: Any) -> Round:
    """A round; `changes` replace what it says."""
    said: dict[str, Any] = {
        "schema": "iodeep-round/1",
        "round_uid": "2.25.1",
        "number": 1,
        "model": "brain",
        "parent": "1.0.0",
        "parent_uid": "2.25.2",
        "parent_digest": "0" * 64,
        "version": "1.1.0",
        "tensors": (Trained("weight", (3, 2)),),
        "settings": Settings(),
        "minimum": 2,
        "deadline": "2030-01-01T00:00:00Z",
        "clip": 1.0,
    }
    return Round(**said | changes)
