"""`make fuzz`: the command ended at random moments.

PYTHONPATH=Testing python -m fuzzing.moments [--moments 50] [--seed 1]

Of `iodeep pack` and `iodeep run`, each by SIGINT and by SIGKILL. Wanted, every time: the whole
result or none; with SIGINT exit status 130 and one line; nothing else but folders `.NAME-*.part`,
which the next call clears away; and that this next call succeeds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import IODeepLib
from IODeepLib.cli.command import CANCELED
from IODeepLib.cli.main import main as iodeep
from IODeepLib.model_object import verify
from IODeepLib.sources.folder import find_model

DEMO = Path(IODeepLib.__file__).parent / "demo_data"
COMMAND = [sys.executable, "-m", "IODeepLib.cli"]
VERBS = ("pack", "run")
RESULTS = {"segmentation.dcm", "report.dcm", "overlay.png", "result.json"}


class Trial:
    """A verb that is called again and again, in a folder of its own."""

    def __init__(self, verb: str, folder: Path) -> None:
        self.out = folder / verb / "out"
        models = folder / "models"
        pack = ["pack", DEMO / "demo_network.onnx", "--recipe", DEMO / "recipe.json", "--out"]
        if not models.exists():
            assert self._in_this_process([*pack, models]) == 0
        run = ["run", DEMO / "mr_t1", "--models", models, "--out", self.out]
        self.arguments = [str(a) for a in ([*pack, self.out] if verb == "pack" else run)]
        self._check = self._model if verb == "pack" else self._results

    def seconds(self) -> float:
        """How long the whole call takes."""
        start = time.monotonic()
        subprocess.run([*COMMAND, *self.arguments], check=True, capture_output=True)
        return time.monotonic() - start

    def interrupt(self, number: signal.Signals, delay: float) -> str:
        """End a call after `delay` seconds; what came of it.

        Raises:
            AssertionError: what is wanted does not hold.
        """
        shutil.rmtree(self.out.parent, ignore_errors=True)
        process = subprocess.Popen(
            [*COMMAND, *self.arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(delay)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        whole = self.out.exists()
        if whole:
            self._check()
        beside = [p.name for p in self.out.parent.glob(".*")] if self.out.parent.exists() else []
        left = [name for name in beside if re.fullmatch(r"\.out-\w{8}\.part", name)]
        assert beside == left, beside
        status = process.returncode
        if number == signal.SIGINT and status != 0:
            if status != 130 and not whole and not left and "IODeepLib" not in said:
                return "before the command began"  # Python itself was starting
            assert (status, said) == (130, f"iodeep: {CANCELED}\n"), (status, said)
            assert not left, left
        shutil.rmtree(self.out, ignore_errors=True)
        assert self._in_this_process(self.arguments) == 0
        self._check()
        assert [p.name for p in self.out.parent.iterdir()] == ["out"]
        return f"{'whole' if whole else 'none'}{', cleared away later' if left else ''}"

    def _in_this_process(self, arguments: Sequence[object]) -> int:
        with contextlib.redirect_stdout(io.StringIO()):
            return iodeep([str(argument) for argument in arguments])

    def _model(self) -> None:
        verify(find_model(self.out))

    def _results(self) -> None:
        names = {path.name for path in self.out.iterdir()}
        assert names == RESULTS, names
        reference = self.out.parents[1] / "reference"
        if not reference.exists():
            shutil.copytree(self.out, reference)
        for name in names:  # a run is the same every time
            assert (self.out / name).read_bytes() == (reference / name).read_bytes(), name


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(prog="moments", description=__doc__)
    parser.add_argument("--moments", type=int, default=50, help="for each verb and signal")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = Random(arguments.seed)
    faults = 0
    with tempfile.TemporaryDirectory(prefix="iodeep-moments-") as folder:
        for verb in VERBS:
            trial = Trial(verb, Path(folder))
            seconds = trial.seconds()
            for number in (signal.SIGINT, signal.SIGKILL):
                outcomes: Counter[str] = Counter()
                for _ in range(arguments.moments):
                    delay = rng.uniform(0, seconds * 1.1)
                    try:
                        outcomes[trial.interrupt(number, delay)] += 1
                    except AssertionError as error:
                        outcomes["FAULT"] += 1
                        sys.stderr.write(f"{verb} {number.name} after {delay:.3f} s: {error}\n")
                faults += outcomes["FAULT"]
                counts = "; ".join(f"{word}: {n}" for word, n in outcomes.most_common())
                sys.stdout.write(f"| {verb} | {number.name} | {arguments.moments} | {counts} |\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
