"""`make fuzz`: series that lie, count and say what they like, each run to its end and measured.

PYTHONPATH=Testing python -m fuzzing.odd_series [--series 300] [--seed 1] [--out fuzz_output]

Of each series the truth is known: two blobs, their milliliters and where their middle is. Wanted:
it is refused with an error of the project's own, or the segmentation, as highdicom reads it, has
the volumes and the places of the truth, and the volumes that the result states. What is not
is a wrong result that looks right: its images are kept in the folder, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pydicom
from judges import measured_by_highdicom
from makers.placed_blobs import BLOBS, LAYOUTS, Layout, network, write

from IODeepLib.errors import IODeepError
from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.series import find_series

# A ball is made of voxels as deep as the slices are apart: what a volume and a middle may be off.
# Positions with one decimal lie as far beside their places, twice.
ROUNDED = 0.2
SAME, VOLUME, VOLUME_PER_GAP, MIDDLE = 0.02, 0.06, 0.012, 0.6


@dataclass(frozen=True)
class Odd:
    """A series.

    Attributes:
        words: what is odd about it.
        layout: how it lies.
        change: what is done to the files that were written.
        must_be_refused: whether no result of it can be right.
    """

    words: str
    layout: Layout
    change: Callable[[list[Path]], None]
    must_be_refused: bool


def odd_series(rng: Random) -> Odd:
    """One of many."""
    layout, how = _layout(rng)
    one_file = layout.multiframe or len(layout.along) == 1
    name = "nothing" if one_file else rng.choice(list(_CHANGES))
    change, must_be_refused = _CHANGES[name]
    return Odd(f"{how}; {name}", layout, lambda files: change(rng, files), must_be_refused)


def _layout(rng: Random) -> tuple[Layout, str]:
    """A way of lying that is one of those that series have, or several at once."""
    name, base = rng.choice(list(LAYOUTS.items()))
    directions, along = _turned(rng, base.directions), base.along
    if len(along) == 1:
        return base, name
    between = rng.choice([1.0, 1.2, 1.4])
    along = along * between if rng.random() < 0.5 else along
    lost = rng.choice([0, 0, 0, 1, 2])
    at = rng.randrange(2, len(along) - 3)
    along = np.delete(along, range(at, at + lost))
    decimals, turned = rng.choice([1, 2, 3, 6, 9]), rng.choice([0.0, 0.0, 1e-6, 1e-4, 4e-4])
    layout = Layout(directions, along, base.way, decimals, turned, base.multiframe)
    words = f"{name}, {lost} more lost, {decimals} decimals, turned by {turned:g}"
    return layout, f"{words}, {np.diff(along).max():.2f} mm"


def _turned(rng: Random, directions: np.ndarray) -> np.ndarray:
    """A little oblique, or not."""
    if rng.random() < 0.5:
        return directions
    angles = [rng.uniform(-0.15, 0.15) for _ in range(3)]
    skew = np.array(
        [[0, -angles[2], angles[1]], [angles[2], 0, -angles[0]], [-angles[1], angles[0], 0]]
    )
    turn = np.linalg.solve(np.eye(3) + skew, np.eye(3) - skew)  # Cayley: a rotation
    return np.asarray(directions @ turn.T)


# --- what is done to the files ----------------------------------------------------------------


def _edited(path: Path, change: Callable[[pydicom.Dataset], object]) -> None:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def _nothing(rng: Random, files: list[Path]) -> None:
    return None


def _each(change: Callable[[Random, pydicom.Dataset], object]) -> Callable:
    return lambda rng, files: [_edited(path, lambda ds: change(rng, ds)) for path in files]


def _one(change: Callable[[Random, pydicom.Dataset], object]) -> Callable:
    return lambda rng, files: _edited(rng.choice(files), lambda ds: change(rng, ds))


def _rescaled(rng: Random, ds: pydicom.Dataset) -> None:
    """Other stored values, and a slope and intercept of its own, for the same values."""
    slope, intercept = rng.choice([0.5, 0.25, 1.0]), rng.choice([0, -100, -50])
    values = np.frombuffer(ds.PixelData, np.int16).reshape(ds.Rows, ds.Columns)
    ds.PixelData = ((values - intercept) / slope).astype(np.int16).tobytes()
    ds.RescaleSlope, ds.RescaleIntercept = slope, intercept


def _shuffled(rng: Random, files: list[Path]) -> None:
    numbers = list(range(len(files)))
    rng.shuffle(numbers)
    for path, number in zip(files, numbers, strict=True):
        _edited(path, lambda ds, n=number: setattr(ds, "InstanceNumber", n + 1))
        path.rename(path.with_name(f"{rng.getrandbits(64):x}"))


def _twice(rng: Random, files: list[Path]) -> None:
    path = rng.choice(files)
    shutil.copy(path, path.with_name("again"))


def _smaller(rng: Random, ds: pydicom.Dataset) -> None:
    values = np.frombuffer(ds.PixelData, np.int16).reshape(ds.Rows, ds.Columns)[:-8]
    ds.Rows, ds.PixelData = len(values), np.ascontiguousarray(values).tobytes()


def _cut(rng: Random, files: list[Path]) -> None:
    path = rng.choice(files)
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(400, len(content))])


_CHANGES: dict[str, tuple[Callable[[Random, list[Path]], object], bool]] = {
    "nothing": (_nothing, False),
    "a slope of its own for each slice": (_each(_rescaled), False),
    "shuffled": (_shuffled, False),
    "a file twice": (_twice, False),
    "a slice of another matrix": (_one(_smaller), False),
    "a slice that is cut off": (_cut, False),
    "false distances": (
        _each(lambda rng, ds: ds.update({"SpacingBetweenSlices": rng.choice([0.1, 9, -3])})),
        False,
    ),
    "false thickness": (_each(lambda rng, ds: ds.update({"SliceThickness": "11"})), False),
    "false place": (_each(lambda rng, ds: ds.update({"SliceLocation": "77"})), False),
    "false size": (_each(lambda rng, ds: ds.update({"PatientPosition": "FFP"})), False),
    "another patient": (_one(lambda rng, ds: ds.update({"PatientID": "another"})), True),
    "another birth date": (
        _one(lambda rng, ds: ds.update({"PatientBirthDate": "19010101"})),
        False,
    ),
    "a slope of 0": (_one(lambda rng, ds: ds.update({"RescaleSlope": "0"})), True),
    "negative pixel spacing": (_each(lambda rng, ds: ds.update({"PixelSpacing": [-1, 1]})), True),
    "no pixel spacing": (_each(lambda rng, ds: ds.pop("PixelSpacing")), False),
    "zero orientation": (
        _each(lambda rng, ds: ds.update({"ImageOrientationPatient": [0] * 6})),
        True,
    ),
    "a mosaic": (
        _each(lambda rng, ds: ds.update({"ImageType": ["DERIVED", "PRIMARY", "M", "VFRAME"]})),
        True,
    ),
}


# --- what comes of it ---------------------------------------------------------------------------


def outcome(odd: Odd, models: list[Model], folder: Path) -> tuple[str, str]:
    """A word, and what is wrong if it is a finding."""
    images = write(odd.layout, folder / "images", PatientBirthDate="19000101", PatientSex="O")
    odd.change(sorted(images.iterdir()))
    spatial = 2 if len(odd.layout.along) == 1 else 3
    (model,) = (m for m in models if m.card.recipe.input.spatial_dims == spatial)
    try:
        found = find_series(images)
        if len(found) != 1:
            return "several volumes", ""  # a person is asked which
        result = run(found[0], model)
        result.write(folder, ("nifti", "nrrd", "rtstruct"))
    except IODeepError as error:
        return "refused", str(error)
    if odd.must_be_refused:
        return "finding", "a result where none can be right"
    stated = result.document()["volumes_ml"]
    if "no pixel spacing" in odd.words:
        return ("no size", "") if set(stated.values()) == {None} else ("finding", f"{stated}")
    if result.seg is None:
        return "no SEG", ""
    measured = measured_by_highdicom(folder / "segmentation.dcm", atol=ROUNDED)
    wrong = []
    for number, label in result.seg.segments:
        truth, seen = BLOBS[label.name], measured[number]
        gap = float(np.diff(odd.layout.along).max()) if len(odd.layout.along) > 1 else 0.0
        if abs(seen.millilitres / stated[label.name] - 1) > SAME:
            wrong.append(
                f"{label.name}: {stated[label.name]:.2f} ml stated, {seen.millilitres:.2f}"
            )
        if gap and abs(seen.millilitres / truth.millilitres - 1) > VOLUME + VOLUME_PER_GAP * gap:
            wrong.append(f"{label.name}: {truth.millilitres:.2f} ml true, {seen.millilitres:.2f}")
        apart = float(np.linalg.norm(seen.centre - truth.centre))
        if gap and apart > MIDDLE + gap / 4:
            wrong.append(f"{label.name}: {apart:.2f} mm beside its place")
    if len(odd.layout.along) > 1 and len(result.seg.segments) < len(BLOBS):
        wrong.append(f"{len(result.seg.segments)} segments")
    return ("finding", "; ".join(wrong)) if wrong else ("right", "")


def main(call: Sequence[str] | None = None) -> int:
    """See above."""
    parser = argparse.ArgumentParser(prog="odd_series", description=__doc__)
    parser.add_argument("--series", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz_output"))
    arguments = parser.parse_args(call)
    counts: dict[str, Counter[str]] = {}
    findings = 0
    with tempfile.TemporaryDirectory() as place:
        models = [network(Path(place) / f"{n}d", n) for n in (2, 3)]
        for number in range(arguments.series):
            rng = Random(f"{arguments.seed}/{number}")
            odd = odd_series(rng)
            folder = Path(place) / str(number)
            try:
                word, why = outcome(odd, models, folder)
            except Exception as error:
                traceback.print_exc()
                word, why = "finding", f"{type(error).__name__}: {error}"
            counts.setdefault(odd.words.rpartition("; ")[2], Counter())[word] += 1
            if word == "finding":
                findings += 1
                sys.stderr.write(f"odd series {number} ({odd.words}): {why}\n")
                arguments.out.mkdir(parents=True, exist_ok=True)
                kept = arguments.out / f"odd-series-{arguments.seed}-{number}"
                shutil.copytree(folder / "images", kept, dirs_exist_ok=True)
            shutil.rmtree(folder)
    words = ["right", "refused", "several volumes", "no size", "no SEG", "finding"]
    sys.stdout.write(f"| odd | {' | '.join(words)} |\n|---|{'---|' * len(words)}\n")
    for what, count in counts.items():
        sys.stdout.write(f"| {what} | {' | '.join(str(count[word]) for word in words)} |\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
