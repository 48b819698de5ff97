"""Select: which of the networks fit an image series, and why the others do not."""

import argparse
import tempfile
from pathlib import Path

from msgspec.structs import replace

import IODeepLib
from IODeepLib import Verdict, find_models, find_series, pack, read_recipe, select

DEMO = Path(IODeepLib.__file__).parent / "demo_data"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("study", nargs="?", type=Path, default=DEMO / "mr_t1", help="a folder")
parser.add_argument("models", nargs="?", type=Path, help="a folder with packed networks")
arguments = parser.parse_args()
models = arguments.models
if models is None:  # the demonstration network, and once more as one that is for CT
    models = Path(tempfile.mkdtemp())
    recipe = read_recipe(DEMO / "recipe.json")
    pack(DEMO / "demo_network.onnx", recipe, models / "mr")
    for_ct = replace(recipe.applies_to, modalities=("CT",))
    channels = tuple(replace(c, modality=None) for c in recipe.series_channels)
    input_ = replace(recipe.all_stages[0].input, channels=channels)
    recipe = replace(recipe, name="for-ct", applies_to=for_ct, input=input_)
    pack(DEMO / "demo_network.onnx", recipe, models / "ct")

for series in find_series(arguments.study):
    # Headers and cards are enough: neither voxels nor weights are read.
    selection = select(series, find_models(models).models)
    print(f"{series.label}: {len(selection.fitting)} of {len(selection.candidates)} fit")
    for candidate in selection.candidates:
        print(f"  {candidate.model.label} {'fits' if candidate.fits else 'does not fit'}")
        # One reason a criterion. What the series does not say is unknown, which excludes nothing.
        for verdict in (Verdict.FAILS, Verdict.UNKNOWN):
            for reason in candidate.with_verdict(verdict):
                print(f"    {reason}")
