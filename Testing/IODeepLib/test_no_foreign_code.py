"""Reading a file runs nothing of it: no pickle, no shell, no network, no foreign file or module.

Python itself reports what happens (`sys.addaudithook`, PEP 578) in a process that reads every kind
of file, undamaged and hostile.
"""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from makers import networks
from makers.packed_models import altered
from makers.recipes import liver_recipe
from makers.series import Stack

from IODeepLib.model_object import write_model
from IODeepLib.model_object.private_dictionary import CREATOR, GROUP, Element
from IODeepLib.recipe import recipe_to_json

WATCH = """
import json, os, sys
from pathlib import Path
root, *paths = map(Path, sys.argv[1:])

# All that is imported, and all that imports read, belongs to the start.
import SimpleITK, highdicom, onnxruntime, pydicom.pixels, pylibjpeg
from IODeepLib.network import agreement
from IODeepLib.errors import IODeepError
from IODeepLib.model_object import unpack, verify
from IODeepLib.onnx_file import OnnxFile
from IODeepLib.pipeline import run
from IODeepLib.publish import pack
from IODeepLib.recipe import read_recipe
from IODeepLib.selection import select
from IODeepLib.series import find_series
from IODeepLib.sources.folder import find_models

FORBIDDEN = ("pickle.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile",
    "os.fork", "subprocess.", "socket.", "urllib.", "http.", "ftplib.", "smtplib.", "ssl.",
    "ctypes.", "shutil.unpack_archive", "webbrowser.", "cpython.run_")
OWN = [Path(p).resolve() for p in (sys.prefix, sys.base_prefix, *sys.path)]
events, watching = [], False

def belongs(path):
    path = Path(os.fsdecode(path)).resolve()
    return any(path.is_relative_to(p) for p in OWN if p.is_dir() and not p.is_relative_to(root))

def hook(event, arguments):
    global watching
    if not watching:
        return
    watching = False  # the hook itself opens nothing that matters
    try:
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            path = Path(os.fsdecode(arguments[0]))
            inside = path.resolve().is_relative_to(root) and "secret" not in str(path.resolve())
            system = str(path).startswith(("/proc/", "/sys/", "/dev/"))
            if not inside and not system and not belongs(path):
                events.append(["open", str(path)])
        elif event == "import":
            if not any(str(arguments[0]).startswith(n) for n in sys.stdlib_module_names) \\
                    and str(arguments[0]).split(".")[0] not in KNOWN:
                events.append([event, str(arguments[0])])
        elif event in ("exec", "compile"):
            source = getattr(arguments[0], "co_filename", None) or arguments[1] or "<none>"
            if not str(source).startswith("<") and not belongs(str(source)):
                events.append([event, str(source)])
        elif event.startswith(FORBIDDEN):
            events.append([event, repr(arguments)[:200]])
    finally:
        watching = True

KNOWN = {name.split(".")[0] for name in sys.modules}
sys.addaudithook(hook)
watching = True
said = {}
for path in paths:
    try:
        if path.suffix == ".onnx":
            pack(path, read_recipe(path.with_suffix(".json")), path.with_suffix(".packed"))
        elif path.name.startswith("model"):
            library = find_models(path)
            for problem in library.problems:
                raise problem.error
            for model in library.models:
                verify(model)
                unpack(model, path.with_name("unpacked-" + path.name))
        else:
            models = find_models(root / "models").models
            for series in find_series(path):
                select(series, models)
                run(series, models[0]).save(path.with_name("result-" + path.name))
        said[path.name] = "read"
    except IODeepError as error:
        said[path.name] = str(error)
watching = False
print(json.dumps([said, events]))
"""


class Hostile:
    """Unpickling it would write a file."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('a pickle was read')",))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], list[list[str]]]:
    """What was said of each file, and what happened meanwhile."""
    root = tmp_path_factory.mktemp("watched")
    (root / "secret").mkdir()
    (root / "secret" / "data.bin").write_bytes(bytes(2**20))
    paths = [*_networks(root), *_models(root), *_images(root)]
    answer = subprocess.run(
        [sys.executable, "-c", WATCH, root, *paths],
        env={
            "PYTHONPATH": ":".join(filter(None, sys.path)),
            "OMP_NUM_THREADS": "1",
            "IODEEP_MEMORY": str(root / "memory"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    said, events = json.loads(answer.stdout.splitlines()[-1])
    return said, events


def _networks(root: Path) -> list[Path]:
    """One as it should be, and some whose external data lie where they must not."""
    places = {
        "above": "../secret/data.bin",
        "absolute": str(root / "secret" / "data.bin"),
        "link": "link.bin",
        "device": "/dev/zero",
        "address": "http://127.0.0.1:9/data.bin",
    }
    made = []
    for name in ("plain", *places):
        folder = root / f"network-{name}"
        folder.mkdir()
        network = networks.conv(3)
        if name in places:
            for tensor in network.graph.initializer:
                length = len(tensor.raw_data)
                tensor.ClearField("raw_data")
                tensor.data_location = 1
                tensor.external_data.add(key="location", value=places[name])
                tensor.external_data.add(key="length", value=str(length))
        (folder / "link.bin").symlink_to(root / "secret" / "data.bin")
        path = networks.save(network, folder / f"{name}.onnx")
        recipe = recipe_to_json(liver_recipe(output=_OUTPUT))
        path.with_suffix(".json").write_text(recipe, encoding="utf-8")
        made.append(path)
    return made


_ORGAN = {"value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure"}
_OUTPUT = {
    "channels": 16,
    "labels": [{"value": 1, "name": "Liver", "category": _ORGAN, "type": _ORGAN}],
}


def _models(root: Path) -> list[Path]:
    """One as it should be; one whose weights are a pickle; one whose recipe names a module."""
    whole = root / "models"
    write_model(root / "network-plain" / "plain.onnx", liver_recipe(output=_OUTPUT), whole)
    for name in ("model-pickle", "model-format"):
        shutil.copytree(whole, root / name)

    def change(dataset: pydicom.Dataset) -> None:
        block = dataset.private_block(GROUP, CREATOR)
        block[Element.PAYLOAD].value = pickle.dumps(Hostile())

    def rename(dataset: pydicom.Dataset) -> None:
        dataset.private_block(GROUP, CREATOR)[Element.ARCHITECTURE_FORMAT].value = "ANTIGRAVITY"

    altered(root / "model-pickle" / "weights-1.dcm", change)
    altered(root / "model-format" / "card.dcm", rename)
    return [root / "models", root / "model-pickle", root / "model-format"]


def _images(root: Path) -> list[Path]:
    """One series as it should be; and, under the name of an image, a pickle."""
    (root / "pickle.dcm").write_bytes(bytes(128) + b"DICM" + pickle.dumps(Hostile()))
    hounsfield = {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}
    common = {"Modality": "CT", "RetrieveURL": "http://127.0.0.1:9/", **hounsfield}
    return [Stack(common=common).write(root / "images"), root / "pickle.dcm"]


def test_nothing_else_is_reached(watched: tuple[dict[str, str], list[list[str]]]) -> None:
    _, events = watched
    assert events == []


def test_what_is_as_it_should_be_is_read(
    watched: tuple[dict[str, str], list[list[str]]],
) -> None:
    said, _ = watched
    well = {name for name, words in said.items() if words == "read"}
    assert well == {"plain.onnx", "models", "images"}


@pytest.mark.parametrize("name", ["above", "absolute", "link", "device", "address"])
def test_external_data_elsewhere_is_refused(
    name: str, watched: tuple[dict[str, str], list[list[str]]]
) -> None:
    said, _ = watched
    assert "layer0.weight" in said[f"{name}.onnx"]


def test_the_watch_sees_what_happens() -> None:
    """What is looked for is reported where it does happen."""
    start = WATCH.index("FORBIDDEN"), WATCH.index("said = {}")
    code = "import json, os, sys\nfrom pathlib import Path\nroot = Path('/nowhere')\n"
    code += WATCH[slice(*start)] + (
        "import pickle, socket, subprocess, ctypes\n"
        "pickle.loads(pickle.dumps(Path('x')))\n"
        "os.system('true')\n"
        "socket.socket().close()\n"
        "subprocess.run(['true'])\n"
        "open('/etc/hostname').close()\n"
        "watching = False\n"
        "print(json.dumps(sorted({event for event, _ in events})))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    seen = set(json.loads(answer.stdout.splitlines()[-1]))
    assert {"pickle.find_class", "os.system", "socket.__new__", "subprocess.Popen", "open"} <= seen
