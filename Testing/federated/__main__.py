"""Three sites learn together: `make federated`; prints the table and draws the picture of Docs."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from federated.story import Told, story

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
# What the poison may cost the trimmed mean, of the mean Dice.
MOST_LOST = 0.02


def main() -> int:
    """Say what came of it; 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="federated", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("federated_output"), help="[.]")
    parser.add_argument("--shared", type=Path, default=SHARED, help=f"[{SHARED}]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder)
        # What this process does by itself it does as the coordinator, who is the first site.
        os.environ["IODEEP_CONFIG"] = str(own / "North" / "iodeep.toml")
        for name in ("CACHE", "MEMORY", "OUTBOX"):
            os.environ[f"IODEEP_{name}"] = str(own / "here" / name.lower())
        told = story(own, options.shared, lambda text: print(text, file=sys.stderr, flush=True))
    options.out.mkdir(exist_ok=True)
    (options.out / "federated.json").write_text(json.dumps(vars(told), indent=1) + "\n", "utf-8")
    picture(told, options.out / "federated.png")
    print(table(told))
    wrong = faults(told)
    for line in wrong:
        print(f"wrong: {line}")
    return 1 if wrong else 0


def table(told: Told) -> str:
    """It for Docs/federated.md."""
    names = [name for name, _ in told.sites]
    lines = [f"| version | {' | '.join(names)} | mean |", "|---|" + "---|" * (len(names) + 1)]
    rows = {**told.dice, **{f"poisoned, {rule}": dice for rule, dice in told.poisoned.items()}}
    for what, dice in rows.items():
        cells = [*dice, sum(dice) / len(dice)]
        lines.append(f"| {what} | {' | '.join(f'{one:.3f}' for one in cells)} |")
    took = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in told.seconds.items())
    whole = f"{sum(told.seconds.values()):.0f} s, {told.processor_seconds:.0f} s of processor"
    return "\n".join([*lines, "", f"{whole}: {took}"])


def faults(told: Told) -> list[str]:
    """What is not as it should be."""
    wrong = []
    names = [name for name, _ in told.sites]
    together = told.dice["round 2"]
    for number, name in enumerate(names):
        others = [i for i in range(len(names)) if i != number]
        own = sum(told.dice[f"{name} alone"][i] for i in others) / len(others)
        all_ = sum(together[i] for i in others) / len(others)
        if all_ < own:
            wrong.append(f"{name} alone has {own:.3f} on the others' data, together {all_:.3f}")
    good, mean, trimmed = (
        sum(dice) / len(dice)
        for dice in (told.dice["round 1"], told.poisoned["mean"], told.poisoned["trimmed"])
    )
    if trimmed < good * (1 - MOST_LOST):
        wrong.append(f"the trimmed mean has {trimmed:.3f} with poison, {good:.3f} without")
    if mean >= good * (1 - MOST_LOST):
        wrong.append(f"the mean holds against poison: {mean:.3f}, {good:.3f} without")
    return wrong


def picture(told: Told, path: Path) -> None:
    """Dice of each version at each site."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    rows = {**told.dice, **{f"poisoned,\n{rule}": dice for rule, dice in told.poisoned.items()}}
    figure, axes = pyplot.subplots(figsize=(9, 3.6), layout="constrained")
    width = 0.8 / len(told.sites)
    colors = ("#4393c3", "#d6604d", "#7fbc41")
    for number, (name, scanner) in enumerate(told.sites):
        places = [i + (number - (len(told.sites) - 1) / 2) * width for i in range(len(rows))]
        dice = [row[number] for row in rows.values()]
        label = f"{name}: {scanner}"
        axes.bar(places, dice, width, label=label, color=colors[number % len(colors)])
    axes.set_xticks(range(len(rows)), [what.replace(" ", "\n", 1) for what in rows])
    axes.set_ylabel("Dice on each site's own test cases")
    axes.set_ylim(0, 1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=len(told.sites), loc="lower center", bbox_to_anchor=(0.5, 1))
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
