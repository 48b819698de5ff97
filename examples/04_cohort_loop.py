"""A cohort: every series below a folder, one row in a table for each; what fails costs its row."""

import argparse
import csv
import tempfile
from pathlib import Path

import IODeepLib
from IODeepLib import IODeepError, find_models, find_series, pack, read_recipe, run, select

DEMO = Path(IODeepLib.__file__).parent / "demo_data"

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("cohort", nargs="?", type=Path, default=DEMO / "mr_t1", help="a folder")
parser.add_argument("models", nargs="?", type=Path, help="a folder with packed networks")
parser.add_argument("out", nargs="?", type=Path, help="a folder for the results")
arguments = parser.parse_args()
scratch = Path(tempfile.mkdtemp())
models, out = arguments.models or scratch / "models", arguments.out or scratch / "results"
if arguments.models is None:
    pack(DEMO / "demo_network.onnx", read_recipe(DEMO / "recipe.json"), models)

networks = find_models(models).models
out.mkdir(parents=True, exist_ok=True)
with (out / "volumes.csv").open("w", newline="", encoding="utf-8") as file:
    table = csv.writer(file)
    table.writerow(["series", "network", "label", "milliliters", "problem"])
    for number, series in enumerate(find_series(arguments.cohort), 1):
        try:
            result = run(series, select(series, networks).best.model)
            result.save(out / f"{number:04}")
        except IODeepError as error:  # one line: what was found, what was wanted, what to do next
            table.writerow([series.series_instance_uid, "", "", "", error])
            continue
        volumes = result.segmentation.volumes() if result.segmentation else {}
        for name, volume in volumes.items():
            row = [series.series_instance_uid, result.model.label, name, round(volume, 1), ""]
            table.writerow(row)
print((out / "volumes.csv").read_text(encoding="utf-8"))
