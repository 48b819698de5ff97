"""Many studies, and somebody who kills: `make soak SOAKED="--studies 1000 --kills 50"`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soak.story import Outcome, story

_PATH = Path("soak.json")


def main() -> int:
    """Say what came of it; 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="how many come [1000]")
    parser.add_argument("--kills", type=int, default=50, help="how often somebody is killed [50]")
    parser.add_argument("--seed", type=int, default=1, help="of the chance [1]")
    parser.add_argument("--out", type=Path, default=Path("soak_output"), help="[soak_output]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = story(options.studies, options.kills, options.seed, Path(folder) / "soak")
    options.out.mkdir(exist_ok=True)
    said = {"seed": options.seed, **dataclasses.asdict(found)}
    (options.out / _PATH).write_text(json.dumps(said, indent=1) + "\n", "utf-8")
    print(table(found))
    for line in found.wrong:
        print(f"wrong: {line}")
    return 1 if found.wrong else 0


def table(found: Outcome) -> str:
    """It for Docs/service.md."""
    rows: list[tuple[str, object]] = [("studies", found.studies)]
    rows += [(f"killed: {who}", count) for who, count in sorted(found.killed.items())]
    rows += [
        ("runs begun", found.attempts),
        ("of these found dead", found.crashes),
        ("seconds", found.seconds),
        ("seconds of processor", found.processor_seconds),
        *((f"said: {what}", count) for what, count in found.events.items()),
        ("studies or jobs that are wrong", len(found.wrong)),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


if __name__ == "__main__":
    sys.exit(main())
