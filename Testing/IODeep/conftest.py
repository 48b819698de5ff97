"""What Slicer does for its modules: their folder is in Python's path."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "IODeep"))
