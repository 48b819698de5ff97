"""`make bench`: run the benchmarks, print the table, keep it as JSON.

python Testing/benchmarks [--only start,models] [--quick | --small] [--out bench_output]
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

from harness import (
    QUICK,
    QUICK_TOPICS,
    SMALL,
    TOPICS,
    Bench,
    Curve,
    Row,
    Sizes,
    packed,
    read,
    shown,
    table,
    to_json,
)


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", help="topics, with commas between: " + ",".join(TOPICS))
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        "--quick", action="store_const", dest="sizes", const="quick", help="some ratios, 3 minutes"
    )
    sizes.add_argument(
        "--small", action="store_const", dest="sizes", const="small", help="only to see it works"
    )
    parser.set_defaults(sizes="bench")
    parser.add_argument("--out", type=Path, default=Path("bench_output"))
    parser.add_argument("--call", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.call:
        module, _, function = arguments.call[0].partition(":")
        result = getattr(importlib.import_module(module), function)(*json.loads(arguments.call[1]))
        sys.stdout.write("\n" + json.dumps(packed(result)) + "\n")
        return 0

    quick = arguments.sizes == "quick"
    topics = arguments.only.split(",") if arguments.only else QUICK_TOPICS if quick else TOPICS
    sizes = {"bench": Sizes(), "quick": QUICK, "small": SMALL}[arguments.sizes]
    path = arguments.out / f"{arguments.sizes}.json"
    last = read(path)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    curves: list[Curve] = []
    for topic in topics:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="iodeep-bench-") as folder:
            bench = Bench(sizes, Path(folder))
            for item in importlib.import_module(f"bench_{topic}").rows(bench):
                if isinstance(item, Curve):
                    curves.append(item)
                    continue
                if quick and item.unit != "x":
                    continue
                sys.stderr.write(f"{item.what}: {shown(item.figure, item.unit)}\n")
                rows.append(item)
        sys.stderr.write(f"[{topic}: {time.perf_counter() - start:.0f} s]\n")
        document = to_json(rows, last, curves)  # whoever ends it has the topics until then
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    sys.stdout.write(table(rows, last) + "\n")
    for row in rows:
        if row.note:
            sys.stdout.write(f"- {row.what}: {row.note}\n")
    if document["curves"]:
        importlib.import_module("plot").draw(document, path.with_suffix(".png"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
