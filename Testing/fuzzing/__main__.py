"""`make fuzz`: damaged files for every reader, until as many were read as were asked for.

PYTHONPATH=Testing python -m fuzzing [--mutants 110000] [--seed 1] [--out fuzz_output]
    [--only card,recipe]

What was done is kept in the folder, so that a run that was stopped goes on where it was. Wanted:
every file is read, or refused with an error of the project's own; in 2 s of computing, and 1 GB of
memory. What is otherwise is a finding: its file is kept, too, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fuzzing.child import CURRENT, GOOD, READY
from fuzzing.targets import NAMES

STRETCH = 1000  # mutants in one child process


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--mutants", type=int, default=110_000, help="of all readers together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz_output"))
    parser.add_argument("--only", help="readers, with commas between: " + ",".join(NAMES))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    names = arguments.only.split(",") if arguments.only else NAMES
    parts = sum(_part(name) for name in names)
    rows, findings = [], 0
    for name in names:
        folder = arguments.out / f"{name.replace(' ', '_')}-{arguments.seed}"
        share = -(-arguments.mutants * _part(name) // parts)
        counts, bad, slowest = carry_on(name, arguments.seed, share, folder)
        rows.append(f"| {name} | {sum(counts.values())} | {counts['read']} | {counts['refused']} | "
                    f"{len(bad)} | {slowest:.2f} |")  # fmt: skip
        sys.stderr.write(rows[-1] + "\n")
        first = {(word, where): number for number, word, where, _ in reversed(bad)}
        for (word, where), number in sorted(first.items(), key=lambda item: item[1])[:20]:
            sys.stderr.write(f"  {name}:{number} {word}: {where}\n")
        findings += len(bad)
    sys.stdout.write("| reader | mutants | read | refused | findings | slowest, s |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n")
    return 1 if findings else 0


def _part(name: str) -> int:
    """An image takes some ten times as long as anything else."""
    return 1 if name.endswith("image") else 4


def carry_on(name: str, seed: int, share: int, folder: Path) -> tuple[Counter, list, float]:
    """Read mutants until `folder` knows of `share` of them; what came of all of them."""
    folder.mkdir(exist_ok=True)
    path = folder / "outcomes.jsonl"
    done = list(kept(path))
    while len(done) < share:
        with path.open("a", encoding="utf-8") as log:
            for line in stretch(name, seed, folder, len(done), min(STRETCH, share - len(done))):
                log.write(json.dumps(line) + "\n")
                done.append(line)
    bad = [line for line in done if line[1] not in GOOD]
    return Counter(line[1] for line in done), bad, max(line[3] for line in done)


def kept(path: Path) -> Iterator[list]:
    """The whole lines of a former run."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def stretch(name: str, seed: int, folder: Path, first: int, count: int) -> Iterator[list]:
    """The outcomes of a child process; the last one says if it died."""
    call = ["-m", "fuzzing.child", name, str(seed), str(first), str(count), str(folder)]
    with (
        tempfile.TemporaryFile("w+") as messages,
        subprocess.Popen(
            [sys.executable, *call], stdout=subprocess.PIPE, stderr=messages, text=True
        ) as child,
    ):
        assert child.stdout is not None
        ready = child.stdout.readline().strip() == READY
        number = first
        for line in child.stdout:
            yield json.loads(line)
            number += 1
        child.wait()
        messages.seek(0)
        said = messages.read()
    if not ready:
        raise SystemExit(said)
    if number < first + count:
        (folder / CURRENT).replace(folder / str(number))
        yield [number, "died", f"status {child.returncode}: {said[:500]}", 0.0]


if __name__ == "__main__":
    sys.exit(main())
