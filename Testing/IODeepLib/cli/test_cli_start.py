"""What a call imports: no more than its verb, and only what that verb needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import DEMO

from IODeepLib.cli.verbs import VERBS, module_of

# Each takes a tenth of a second and more, but for the last two.
HEAVY = {"numpy", "pydicom", "SimpleITK", "highdicom", "onnxruntime", "filelock", "psutil"}
OF_IMAGES = {"SimpleITK", "highdicom", "onnxruntime", "psutil"}

PROBE = """
import sys
from IODeepLib.cli.main import main
try:
    status = main(sys.argv[1:])
except SystemExit as end:
    status = end.code
print(status, *sys.modules, file=sys.stderr)
"""


def imported(*arguments: object) -> set[str]:
    """All modules that there are after a call that ends well."""
    answer = subprocess.run(
        [sys.executable, "-c", PROBE, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    status, *modules = answer.stderr.splitlines()[-1].split()
    assert status == "0", answer.stderr
    return set(modules)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_imports_its_verb_and_nothing_heavy(verb: str) -> None:
    modules = imported(*filter(None, [verb, "--help"]))
    assert not modules & HEAVY
    called = {name for name in VERBS if module_of(name).__name__ in modules}
    # What `pack` and `import` say in the end is the same.
    assert called - {"pack"} == {verb} - {"", "pack"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_called_what_its_module_says(verb: str) -> None:
    assert (module_of(verb).__doc__ or "").splitlines()[0] == VERBS[verb]


def test_verbs_that_run_nothing_need_no_network(packed: Path, tmp_path: Path) -> None:
    series = DEMO / "mr_t1"
    calls = [
        ["list", packed],
        ["show", packed],
        ["select", series, "--models", packed],
        ["unpack", packed, "--out", tmp_path / "unpacked"],
    ]
    for call in calls:
        assert not imported(*call) & OF_IMAGES, call
