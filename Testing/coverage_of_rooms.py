"""Prints how much of each room the tests ran, from the data that pytest-cov left in `.coverage`.

    pytest --cov --cov-report= && python Testing/coverage_of_rooms.py

What runs in processes of its own, such as the command line where a test calls it as one, is
not seen.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]
NAMED_BELOW = 85.0  # percent


def room_of(path: Path) -> str:
    """The room that a file lies in: `IODeepLib/series`, `IODeepLib` for what is at the door."""
    parts = path.relative_to(ROOT).parts
    depth = 2 if parts[0] == "IODeepLib" else 3
    return "/".join(parts[: min(depth, len(parts) - 1)])


def main() -> None:
    measured = Coverage(data_file=str(ROOT / ".coverage"), config_file=str(ROOT / "pyproject.toml"))
    measured.load()
    statements: dict[str, int] = defaultdict(int)
    missing: dict[str, int] = defaultdict(int)
    for file in sorted(measured.get_data().measured_files()):
        _, all_lines, _, missed, _ = measured.analysis2(file)
        room = room_of(Path(file))
        statements[room] += len(all_lines)
        missing[room] += len(missed)
    low = []
    for room, count in sorted(statements.items()):
        share = 100 * (1 - missing[room] / count) if count else 100.0
        sys.stdout.write(f"{room:<32} {count:>6} statements {share:>6.1f} %\n")
        if share < NAMED_BELOW:
            low.append(room)
    if low:
        sys.stdout.write(f"below {NAMED_BELOW:.0f} %: {', '.join(low)}\n")


if __name__ == "__main__":
    main()
