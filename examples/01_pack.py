"""Pack: a network and its recipe become DICOM instances, for a folder or a PACS."""

import argparse
import tempfile
from pathlib import Path

import IODeepLib
from IODeepLib import pack, read_recipe, unpack, verify

DEMO = Path(IODeepLib.__file__).parent / "demo_data"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("network", nargs="?", type=Path, default=DEMO / "demo_network.onnx")
parser.add_argument("recipe", nargs="?", type=Path, default=DEMO / "recipe.json")
parser.add_argument("out", nargs="?", type=Path, help="a new folder")
arguments = parser.parse_args()
out = arguments.out or Path(tempfile.mkdtemp(), "packed")

# The recipe says what the network may be run on, how its input is prepared and what its output
# means. A mistake in it is an error that names the place in the JSON.
recipe = read_recipe(arguments.recipe)

# Recipe and network are held against each other, by a trial run as well, before anything is
# written: a card with everything but the weights, and the weights.
model = pack(arguments.network, recipe, out / "dicom")
print(f"{model.label}: {recipe.title}")
for path in sorted((out / "dicom").iterdir()):
    print(f"  {path.stat().st_size:>9,} bytes  {path}")

# Every part has its SHA-256 in the card. A network that was altered does not run.
verify(model)

# Nothing is lost: the same network and recipe come out again.
unpack(model, out / "unpacked")
print("unpacked again:", *sorted(path.name for path in (out / "unpacked").iterdir()))
