"""The verbs of the command, in the order of its help; each has a module of its own."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

# The first line of each module's docstring: no module is imported to say what there is.
VERBS = {
    "pack": "Make the DICOM instances of a network.",
    "import": "Make the DICOM instances of a network that another program trained, "
    "with its pipeline.",
    "unpack": "Give back the ONNX model and the recipe of a packed network.",
    "show": "Show a network, or where a result comes from; and check that it is as it says.",
    "sign": "Sign networks and results with a key of one's own, where they lie.",
    "shrink": "Make a network smaller, as a new version, and measure what that changes.",
    "assess": "Say of a result that it is accepted, amended or rejected, as a DICOM SR.",
    "federate": "Tune a model together with other sites, over nothing but a PACS.",
    "list": "List the models of a source.",
    "select": "Rank the models that fit a series, with reasons.",
    "run": "Select a model, run it on a series and write the results.",
    "serve": "Run the service beside a PACS: what comes there is read by the models that fit.",
    "batch": "Read all studies of a folder or a PACS, several at once, each once; "
    "with tables of it all.",
    "cohort": "Collect images with their right segmentations for a model, split by patient.",
    "evaluate": "Measure models on a cohort whose truth is known, and compare them.",
    "tune": "Train a network on with a site's own cases, as a new version, and measure what that "
    "changes.",
    "check": "Try a model on a series: what its network sees, and what looks wrong.",
    "push": "Store models and other DICOM files in a source, or send what waits in the outbox.",
    "pull": "Fetch a model, a study or a series into a new folder.",
    "retire": "Mark a model version as withdrawn, or as replaced by another one.",
    "cache": "Show what was kept from PACS on this machine, or remove it.",
    "key": "Make a key to sign models and results with.",
    "trust": "Say whose models and results this site believes.",
    "demo": "The whole story on data that needs no download: pack, list, select, run, compare.",
}
_MODULES = {"import": "import_", "list": "list_"}  # words of Python


def module_of(verb: str) -> ModuleType:
    """What has the verb's `add_arguments` and `run`."""
    return import_module(f"IODeepLib.cli.{_MODULES.get(verb, verb)}")
