"""Whether a series is like what a network was trained on, as far as its card says.

Nothing of this excludes a network: a run says what lies outside, and what the series does not say.
All of it is about the series that fills the first channel.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from IODeepLib.geometry import Volume
from IODeepLib.headers import text
from IODeepLib.recipe import ContrastPhase, TrainedOn
from IODeepLib.selection.contrast_words import phases
from IODeepLib.selection.criteria import Reason, Verdict, any_of, within
from IODeepLib.selection.facts import DESCRIPTIONS, Facts, Measured
from IODeepLib.series import Image
from IODeepLib.text.foreign import plain

# How much of a foreign text a sentence repeats.
_LONGEST = 64
_NO_AGENT = re.compile(r"\W*(no(ne|t? ?given)?|n/?a|without|0)?\W*", re.IGNORECASE)


def reasons(trained_on: TrainedOn | None, image: Image, volume: Volume) -> tuple[Reason, ...]:
    """Each range and list of the card, held against the series.

    Args:
        trained_on: of the model's card.
        image: the series that fills the first channel.
        volume: its voxels.
    """
    if trained_on is None:
        return ()
    facts = Facts(image)
    figures = (
        ("pixel spacing", trained_on.pixel_spacing, facts.pixel_spacing, "mm"),
        ("slice spacing", trained_on.slice_spacing, facts.slice_spacing, "mm"),
        ("slices", trained_on.slices, facts.slices, ""),
        ("field of view", trained_on.field_of_view, _field_of_view(image), "mm"),
        ("patient age", trained_on.patient_age, facts.age, "years"),
    )
    found = [within(*figure) for figure in figures if figure[1] is not None]
    found += _intensities(trained_on, image, volume)
    if trained_on.patient_sex:
        sexes = [sex.value for sex in trained_on.patient_sex]
        found.append(_among("patient sex", sexes, facts.sex, facts.sex in sexes, "PatientSex"))
    if trained_on.manufacturers:
        maker = text(image.header, "Manufacturer")
        fits = any(_names(maker, known) for known in trained_on.manufacturers)
        known = trained_on.manufacturers
        found.append(_among("manufacturer", known, maker, fits, "Manufacturer"))
    if trained_on.contrast_phases:
        found.append(_phase(trained_on.contrast_phases, facts))
    return tuple(found)


def notes(found: Sequence[Reason]) -> list[str]:
    """What lies outside, a sentence each, and one on all that is not known."""
    said = [
        f"outside of what the network was trained on: {one.criterion} {one.found} "
        f"({one.attribute}); it was trained on {one.required}"
        for one in found
        if one.verdict is Verdict.FAILS
    ]
    unknown = [one for one in found if one.verdict is Verdict.UNKNOWN]
    if unknown:
        names = ", ".join(f"{one.criterion} ({one.attribute}: {one.found})" for one in unknown)
        said.append(f"not known whether the network was trained on such images: {names}")
    return said


def _field_of_view(image: Image) -> Measured:
    """The longer side of an image, with its outermost pixels, in mm."""
    slices = image.slices
    sides = [n * step for n, step in zip(slices.shape[1:], slices.spacing[1:], strict=True)]
    return Measured(max(sides) if image.has_spacing else None, "Rows, Columns, PixelSpacing")


def _intensities(trained_on: TrainedOn, image: Image, volume: Volume) -> Iterator[Reason]:
    if not trained_on.intensity:
        return
    asked = trained_on.intensity_unit
    units = {unit.name for unit in image.units}
    comparable = not asked or {name.casefold() for name in units} == {asked.casefold()}
    values = _values(volume) if comparable else np.empty(0)
    percentiles = [one.percentile for one in trained_on.intensity]
    measured: list[float | None] = [None] * len(percentiles)
    if values.size:
        measured = [float(v) for v in np.percentile(values, percentiles, overwrite_input=True)]
    for one, value in zip(trained_on.intensity, measured, strict=True):
        where = "pixels" if comparable else image.units[0].attribute
        reason = within(one.name, one.values, Measured(value, where), asked)
        if not comparable:
            said = ", ".join(sorted(plain(name)[:_LONGEST] or "no unit" for name in units))
            reason = reason._replace(found=f"values in {said}")
        yield reason


def _values(volume: Volume) -> np.ndarray:
    """A flat copy of those that are values."""
    array = volume.array
    values = array.flatten() if volume.padding is None else array[~volume.padding]
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _names(said: str, known: str) -> bool:
    """Whether `known` stands in `said` as a word or words: GE in GE MEDICAL SYSTEMS."""
    return bool(re.search(rf"(?<!\w){re.escape(known.strip())}(?!\w)", said, re.IGNORECASE))


def _phase(known: Sequence[ContrastPhase], facts: Facts) -> Reason:
    """By the description that names one phase, the surest first; else by the contrast agent."""
    for keyword in DESCRIPTIONS:
        named = phases(facts.descriptions[keyword])
        if len(named) == 1:
            (name,) = named
            said = facts.descriptions[keyword]
            return _among("contrast phase", known, said, name in known, keyword)
    keyword = "ContrastBolusAgent"
    agent = text(facts.series.header, keyword)
    given = bool(agent) and not _NO_AGENT.fullmatch(agent)
    native = ContrastPhase.NATIVE in known
    if not agent or (given and set(known) != {ContrastPhase.NATIVE}):
        return _among("contrast phase", known, "", fits=False, keyword=keyword)
    return _among("contrast phase", known, agent, native and not given, keyword)


def _among(criterion: str, known: Collection[str], said: str, fits: bool, keyword: str) -> Reason:
    verdict = Verdict.FITS if fits else Verdict.FAILS
    found = plain(said)[:_LONGEST]
    if not found:
        return Reason(criterion, Verdict.UNKNOWN, any_of(known), "nothing", keyword)
    return Reason(criterion, verdict, any_of(known), found, keyword)
