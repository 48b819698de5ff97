"""A PACS: images and network are stored there, found there, and the result goes back there."""

import argparse
import tempfile
from pathlib import Path

import IODeepLib
from IODeepLib import Query, find_series, pack, push, read_recipe, run, select, source_of

DEMO = Path(IODeepLib.__file__).parent / "demo_data"
WORDS = "dicomweb+http(s)://..., dimse://AET@host:port, a name in iodeep.toml, or a folder"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument(
    "source", nargs="?", help=f"{WORDS}; without one, a new folder stands in for it"
)
arguments = parser.parse_args()
scratch = Path(tempfile.mkdtemp())
(scratch / "pacs").mkdir()
source = source_of(arguments.source or scratch / "pacs")

# Publish: the demonstration network and its images. What is there already is not sent again.
pack(DEMO / "demo_network.onnx", read_recipe(DEMO / "recipe.json"), scratch / "model")
pushed = push([*(scratch / "model").iterdir(), *(DEMO / "mr_t1").iterdir()], source)
print(f"{source.name}: stored {len(pushed.stored)} objects, had {len(pushed.there)}")

# Find: the images by their study; of the networks the cards alone, some kilobytes each.
study = find_series(DEMO / "mr_t1")[0].study_instance_uid
series = source.images(Query(study_uid=study), scratch)[0]
best = select(series, source.models().models).best
print(f"{best.model.label} fits {series.label}")

# Run: the weights come now, and are kept for the next time.
result = run(series, source.fetch(best.model))

# Store: the segmentation, into the study of the images.
files = [path for path in result.save(scratch / "result") if path.suffix == ".dcm"]
for path in source.store(files):
    print("stored", path.name)
