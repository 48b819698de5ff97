"""Whether weight, dose, half-life and elapsed time can be true: what an SUV is made of.

A wrong unit in one of them makes every voxel wrong by the same factor, which no picture shows.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from IODeepLib.codes.sequences import code_sequence
from IODeepLib.headers import text
from IODeepLib.inference.suv.date_times import date_and_time
from IODeepLib.inference.suv.radionuclides import HALF_LIFE_TOLERANCE, named_in, radionuclides
from IODeepLib.inference.suv.refusal import refused
from IODeepLib.selection.facts import Facts
from IODeepLib.series import Image

# The heaviest person known had 635 kg; more is a weight in grams.
HEAVIEST = 650.0  # kg
# By age in years, the least and the most that people of up to that age weigh, generously: grown
# people of 8 kg and newborns of 70 are another unit, or another patient's figure.
_WEIGHTS = ((1.0, 0.0, 25.0), (6.0, 0.0, 100.0), (18.0, 2.0, 400.0), (200.0, 20.0, HEAVIEST))

# A dose is stated in becquerels. Files have megabecquerels, kilobecquerels and millicuries there;
# no patient, not even a mouse, is given less than the first, nor anybody more than the second.
LEAST_DOSE, LARGEST_DOSE = 1e5, 1e10  # Bq
# From 2 MBq of a long-lived nuclide for a grown person to 100 MBq for a mouse.
_LEAST_A_KILOGRAM, _MOST_A_KILOGRAM = 2e4, 5e9  # Bq

# A thousandth is left after ten half-lives: there would be nothing to see.
MOST_HALF_LIVES = 10
# A dynamic scan is started before the injection, by seconds, or minutes with a base line.
LONGEST_BASE_LINE = 600.0  # s


def check_weight(series: Image, weight: float) -> None:
    """Refuse a Patient's Weight, in kg, that the patient cannot have."""
    if weight <= 0:
        raise refused(series, "no PatientWeight", "kilograms")
    if weight > HEAVIEST:
        raise refused(series, f"PatientWeight {weight:g}", f"kilograms, {HEAVIEST:g} at most")
    age, said = _age(series)
    if age is None or _is_animal(series.header):
        return
    least, most = next((low, high) for until, low, high in _WEIGHTS if age < until)
    if not least <= weight <= most:
        raise refused(
            series, f"PatientWeight {weight:g} with {said}", f"{least:g} to {most:g} kilograms"
        )


def _age(series: Image) -> tuple[float | None, str]:
    """In years, and what says so."""
    age = Facts(series).age.value
    if age is not None and age < _WEIGHTS[-1][0]:
        return age, f"PatientAge {text(series.header, 'PatientAge')}"
    day, born = (text(series.header, k) for k in ("SeriesDate", "PatientBirthDate"))
    then, birth = (date_and_time(date, "00", None) for date in (day, born))
    seconds = then.since(birth) if then is not None and birth is not None else None
    years = -1.0 if seconds is None else seconds / (365.25 * 86400)
    return (years, f"PatientBirthDate {born}") if 0 <= years < _WEIGHTS[-1][0] else (None, "")


def _is_animal(header: Dataset) -> bool:
    words = [text(header, "PatientSpeciesDescription")]
    words += [code.meaning for code in code_sequence(header, "PatientSpeciesCodeSequence")]
    said = " ".join(words).strip().lower()
    return bool(said) and "homo" not in said and "human" not in said


def check_dose(series: Image, dose: float, weight: float) -> None:
    """Refuse a Radionuclide Total Dose, in Bq, that nobody of this weight is given."""
    found = f"RadionuclideTotalDose {dose:g}"
    if not LEAST_DOSE <= dose <= LARGEST_DOSE:
        raise refused(series, found, f"becquerels, {LEAST_DOSE:.0f} to {LARGEST_DOSE:.0f}")
    if not _LEAST_A_KILOGRAM <= dose / weight <= _MOST_A_KILOGRAM:
        raise refused(
            series,
            f"{found} with PatientWeight {weight:g}",
            f"{_LEAST_A_KILOGRAM:.0f} to {_MOST_A_KILOGRAM:.0f} becquerels a kilogram",
        )


def check_half_life(series: Image, given: Dataset, half_life: float) -> str:
    """Refuse a Radionuclide Half Life, in s, that is not that of the nuclide which was given.

    Returns:
        The nuclide: as it is named, else the one that has this half-life.
    """
    if half_life <= 0:
        raise refused(series, "no RadionuclideHalfLife", "seconds")
    found = f"RadionuclideHalfLife {half_life:g}"
    named = named_in(given)
    if len(named) > 1:
        said = " and ".join(f"{nuclide} ({where})" for nuclide, where in named)
        raise refused(series, f"two radionuclides: {said}", "one")
    for nuclide, where in named:
        if not nuclide.lasts(half_life):
            raise refused(
                series,
                f"{found} of {nuclide} ({where})",
                f"{nuclide.half_life:g} seconds, to {HALF_LIFE_TOLERANCE:.0%}",
            )
        return str(nuclide)
    like = [nuclide for nuclide in radionuclides() if nuclide.lasts(half_life)]
    if not like:
        raise refused(series, found, "the seconds of a radionuclide of PET, 6586 for F-18")
    return " or ".join(map(str, like))


def is_believable(seconds: float, half_life: float) -> bool:
    """Whether a scan can have begun so many seconds after the injection."""
    return -min(LONGEST_BASE_LINE, half_life) <= seconds <= MOST_HALF_LIVES * half_life
