"""Run: a network on an image series; labels as an array, and as a DICOM SEG."""

import argparse
import tempfile
from pathlib import Path

import IODeepLib
from IODeepLib import find_models, find_series, pack, read_recipe, run, select

DEMO = Path(IODeepLib.__file__).parent / "demo_data"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("study", nargs="?", type=Path, default=DEMO / "mr_t1", help="a folder")
parser.add_argument("models", nargs="?", type=Path, help="a folder with packed networks")
parser.add_argument("out", nargs="?", type=Path, help="a new folder")
arguments = parser.parse_args()
scratch = Path(tempfile.mkdtemp())
models = arguments.models or scratch / "models"
if arguments.models is None:
    pack(DEMO / "demo_network.onnx", read_recipe(DEMO / "recipe.json"), models)

series = find_series(arguments.study)[0]
# An error if nothing fits, or if several networks fit equally well: nobody guesses for you.
model = select(series, find_models(models).models).best.model
result = run(series, model, progress=lambda done, words: print(f"{done:4.0%} {words}"))

segmentation = result.segmentation  # None where a network judges the image as a whole
if segmentation is not None:
    for label in segmentation.labels:
        mask = segmentation.mask(label)  # slice, row, column; True where the label is
        milliliters = segmentation.volumes()[label.name]
        print(f"{label.name}: {mask.sum()} of {mask.size} voxels, {milliliters:.1f} mL")

# DICOM SEG, picture and JSON, whole or not at all; a second run replaces its own files only.
for path in result.save(arguments.out or scratch / "result"):
    print("wrote", path)
