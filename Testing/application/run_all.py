"""Every test in the real Slicer, and what none of them can see: that Slicer leaves nothing behind.

    python Testing/application/run_all.py /path/to/Slicer [NAME ...]

runs all of them but the figures, and what needs a Python with PyTorch where none is named by
IODEEP_AUTHOR_PYTHON; or those that are named. Each prints a line for each step; at the end stands
one line for each, and the exit status is 1 if one failed. Pictures lie in `slicer_output`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = Path("slicer_output").resolve()
LONGEST = 1200  # seconds that one script may take
PATIENCE = 2  # seconds within which a run ends after its Slicer

POSIX = hasattr(os, "killpg")  # Windows has neither groups of processes nor their signals
_PARTS = {"beside", "panel", "quit", "run_all", "served", "steps", "uncaught"}
SCRIPTS = sorted({path.stem for path in HERE.glob("*.py")} - _PARTS)
# Packages are installed without it only; and it ends a script with an error by itself.
WITHOUT_TESTING = {"bare", "dimse", "first_start", "uncaught"}


class Slicer:
    """One Slicer, with a folder of its own for temporary files and, on Linux, its settings."""

    def __init__(self, program: str, name: str, script: str, **environment: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="slicer-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        self.folder.chmod(0o755)  # for the step in which Slicer is another user for a moment
        mode = ["--testing"]
        if name in WITHOUT_TESTING:
            mode = ["--ignore-slicerrc", "--disable-settings"]
        modules = str(HERE.parents[1] / "IODeep")
        command = [program, "--no-splash", *mode, "--additional-module-paths", modules]
        environment |= {"TMPDIR": str(self.folder), "IODEEP_PICTURES": str(OUT)}
        # Slicer's settings say, too, which DICOM database is open: those of one must not be those
        # of another. Where Qt keeps them elsewhere, one runs at a time.
        environment |= {"XDG_CONFIG_HOME": str(self.folder / "settings")}
        self.process = subprocess.Popen(
            [*command, "--python-script", str(HERE / f"{script}.py")],
            env=os.environ | environment,
            cwd=OUT,
            start_new_session=True,
        )

    def end(self) -> int | None:
        """Wait for its exit status; None if it had to be killed."""
        try:
            return self.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        if POSIX:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def left_behind(self, pattern: str) -> list[str]:
        return sorted(path.name for path in self.folder.glob(pattern))


def run_script(program: str, name: str, **environment: str) -> str:
    """What is wrong with one script; "" if nothing is."""
    slicer = Slicer(program, name, name, **environment)
    status = slicer.end()
    if status != 0:
        return f"exit status {status}" if status is not None else f"not done after {LONGEST} s"
    left = slicer.left_behind("[Ii][Oo][Dd]eep-*")
    return f"left behind: {', '.join(left)}" if left else ""


def run_scaled(program: str, name: str) -> str:
    """A script on a screen of 150 %."""
    return run_script(program, name.removesuffix("_scaled"), QT_SCALE_FACTOR="1.5")


def run_quit(program: str, name: str) -> str:
    """Slicer is quit, or killed, while a network runs."""
    note = OUT / "run"
    note.unlink(missing_ok=True)
    killed = {"IODEEP_WAIT": "1"} if name == "killed" else {}
    slicer = Slicer(program, name, "quit", IODEEP_RUN=str(note), **killed)
    end = time.monotonic() + LONGEST
    while not (note.is_file() and note.read_text()):
        if slicer.process.poll() is not None or time.monotonic() > end:
            slicer.kill()
            return "the run did not start"
        time.sleep(0.05)
    worker = int(note.read_text())
    if killed:
        slicer.kill()
    elif slicer.end() != 0:
        return "Slicer did not quit"
    gone = time.monotonic()
    while _alive(worker) or slicer.left_behind("IODeep-*"):
        if time.monotonic() > gone + PATIENCE:
            return f"after {PATIENCE} s there is still the process {worker} or its folder"
        time.sleep(0.02)
    print(f"{name}: nothing is left after {time.monotonic() - gone:.1f} s", flush=True)
    return ""


def run_beside_service(program: str, name: str) -> str:
    """A script that asks a service."""
    import beside

    with beside.service() as variables:
        return run_script(program, name, **variables)


def run_uncaught(program: str, name: str) -> str:
    """An error outside of the steps ends Slicer, and is no success."""
    status = Slicer(program, name, name).end()
    return "" if status == 1 else f"exit status {status} instead of 1"


def _alive(process: int) -> bool:
    try:
        os.killpg(process, 0)
    except ProcessLookupError:
        return False
    return True


CHECKS = dict.fromkeys(SCRIPTS, run_script) | {
    "looks_scaled": run_scaled,
    "uncaught": run_uncaught,
    "service": run_beside_service,
}
if POSIX:
    CHECKS |= dict.fromkeys(("quits", "killed"), run_quit)


def main(program: str, *names: str) -> int:
    """Run the checks with these names, or all."""
    OUT.mkdir(exist_ok=True)
    wrong = {}
    left_out = {"figures"}
    if "IODEEP_AUTHOR_PYTHON" not in os.environ:
        left_out.add("import_trained")
    for name in names or [each for each in CHECKS if each not in left_out]:
        print(f"\n== {name}", flush=True)
        start = time.monotonic()
        wrong[name] = CHECKS[name](program, name)
        verdict = f"FAILED ({wrong[name]})" if wrong[name] else "passed"
        print(f"{name}: {verdict} in {time.monotonic() - start:.0f} s", flush=True)
    print(f"\nSummary; left out unless they are named: {', '.join(sorted(left_out))}")
    for name, reason in wrong.items():
        print(f"  {name}: {(reason and f'FAILED ({reason})') or 'passed'}")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(CHECKS):
        sys.exit(f"usage: run_all.py SLICER [{' | '.join(CHECKS)} ...]")
    sys.exit(main(*sys.argv[1:]))
