"""What the acquisition itself says of an MR image: which contrasts it can have.

Protocol names and descriptions are what somebody typed. Echo, repetition and inversion times, the
kind of sequence, Image Type, b-value and contrast agent come from the scanner. They name a contrast
only where they leave no doubt: between the usual ranges, and where a figure is missing, several
contrasts stay possible, or nothing is said. Flip angles and field strengths move the ranges, so
that these are wide: T1 needs short, T2 and FLAIR need long echoes at every field strength.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from pydicom.dataset import Dataset

from IODeepLib.headers import items, number, texts
from IODeepLib.selection.contrast_words import T1, T1_ENHANCED
from IODeepLib.series import Image, ImageSeries

# In ms. Below the first a spin echo is too early for T2 contrast, from the second on too late for
# T1 or proton density: T1 is read out at 8 to 25 ms, T2 and FLAIR at 70 ms and more.
_EARLY_ECHO, _LATE_ECHO = 30, 60
# A gradient echo decays by T2*, which shows from the second on; VIBE, MPRAGE and TOF lie below the
# first.
_EARLY_GRADIENT_ECHO, _LATE_GRADIENT_ECHO = 8, 15
# Repetition of spin echoes: all T1 weighting is gone after three times the T1 of tissue.
_SHORT_REPETITION, _LONG_REPETITION = 1000, 1800
# Only FLAIR waits as long for the fluid it nulled, and some write no inversion time.
_REPETITION_OF_FLAIR = 7000
# Fat is nulled after 80 to 230 ms, fluid after 1600 to 2800 ms; between them is T1 weighting.
_NULLS_FAT, _NULLS_FLUID = 260, 1400
# Spoiled gradient echoes: a flip angle far above the Ernst angle of tissue gives T1 contrast; what
# repeats after 15 to 80 ms may be angiography.
_FAST, _SLOW_GRADIENT = 15, 80
_LARGE_ANGLE, _LARGER_ANGLE = 8, 40

# Acquisition Contrast (0008,9209), PS3.3 section C.8.13.3.1. Vendors give what they have no term
# for a near one: what was made of an EPI series or a field map is "T1" in some.
_STATED = {
    "DIFFUSION": {"DWI", "ADC", "EADC", "DTI"},
    "FLOW_ENCODED": {"FLOW"},
    "FLUID_ATTENUATED": {"FLAIR"},
    "PERFUSION": {"PERFUSION", "ASL"},
    "PROTON_DENSITY": {"PD"},
    "STIR": {"STIR"},
    "T1": {T1},
    "T2": {"T2"},
    "T2_STAR": {"T2*", "SWI", "BOLD"},
    "TOF": {"TOF"},
}
# Values of Image Type and Frame Type that say what an image is.
_IMAGE_TYPES = {
    "ADC": {"ADC"},
    "EADC": {"EADC"},
    "TRACEW": {"DWI"},
    "FA": {"DTI"},
    "TENSOR": {"DTI"},
    "ASL": {"ASL"},
    "SWI": {"SWI"},
    "TOF": {"TOF"},
    "T1 MAP": {"T1 MAP"},
    "T2 MAP": {"T2 MAP"},
    "T2_STAR MAP": {"T2 MAP"},
    "PERFUSION": {"PERFUSION", "ASL"},
    "DIFFUSION": {"DWI", "ADC", "DTI"},
}
# Siemens' names of sequences, in Sequence Name (0018,0024) and Pulse Sequence Name (0018,9005).
_SEQUENCE_NAMES = (
    (re.compile(r"\bep_b\d", re.IGNORECASE), {"DWI", "ADC", "DTI"}),
    (re.compile(r"epfid", re.IGNORECASE), {"BOLD", "PERFUSION", "T2*"}),
    (re.compile(r"swi", re.IGNORECASE), {"SWI"}),
    (re.compile(r"fl_pc|_pc\d", re.IGNORECASE), {"FLOW"}),
)
_ECHO_PLANAR = {"DWI", "ADC", "DTI", "BOLD", "PERFUSION", "ASL", "T2", "T2*"}
_NO_AGENT = re.compile(r"\W*(no(ne|t? ?given)?|n/?a|without|0|ohne|nein|nessuno|aucun|ninguno)?\W*")

# Functional groups of enhanced images (PS3.3 section C.8.13.5).
_TIMING = "MRTimingAndRelatedParametersSequence"
_MODIFIER = "MRModifierSequence"
_DIFFUSION = "MRDiffusionSequence"
_FRAME_TYPE = "MRImageFrameTypeSequence"


@dataclass(frozen=True, slots=True)
class Acquired:
    """What the acquisition says.

    Attributes:
        contrasts: those that the image can have; empty where it says nothing.
        words: what was found, for people.
        attribute: keyword of the attribute that decided.
        agent: whether a contrast agent was given; None where it is not said.
    """

    contrasts: frozenset[str] = frozenset()
    words: str = ""
    attribute: str = ""
    agent: bool | None = None


def acquired(image: Image) -> Acquired:
    """What the acquisition of an MR image says of its contrast.

    Nothing, for other modalities, and for phase images and field maps, which have none.
    """
    if image.modality != "MR" or image.component[0]:
        return Acquired()
    values = _Values(image)
    agent = _agent(values)
    for contrasts, words, attribute in (
        _by_image_type(values),
        _by_diffusion(values),
        _by_sequence_name(values),
        _by_times_and_statement(values),
    ):
        if contrasts:
            if T1 in contrasts and agent is not False:  # what it does to T1 is T1 as well
                contrasts |= {T1_ENHANCED}
            return Acquired(frozenset(contrasts), words, attribute, agent)
    return Acquired(agent=agent)


class HasHeader(Protocol):
    """An image, or what is known of one before its files are read."""

    @property
    def header(self) -> Dataset:
        """Of its first instance."""
        ...


def group_items(image: HasHeader, sequence: str) -> tuple[Dataset, ...]:
    """The items of a functional group of the image's first frame, its own before the shared."""
    if isinstance(image, ImageSeries):
        groups = image.frames[0].groups
    else:
        kinds = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
        groups = tuple(item for kind in kinds for item in items(image.header, kind)[:1])
    return tuple(item for group in groups for item in items(group, sequence))


_Found = tuple[set[str], str, str]
_NOTHING: _Found = set(), "", ""


class _Values:
    """Values of the image's first frame, in its header or in its functional groups."""

    def __init__(self, image: Image) -> None:
        self._image = image

    def words(self, keyword: str, group: str = "") -> tuple[str, ...]:
        """All values in capitals; of the functional group, if one is named."""
        holders = group_items(self._image, group) if group else (self._image.header,)
        found = (value for holder in holders for value in texts(holder, keyword))
        return tuple(value.upper() for value in found if value)

    def number(self, keyword: str, group: str = "") -> float | None:
        """The first value, if it is a number above zero: 0 stands for what was not used."""
        value = next((number(word) for word in self.words(keyword, group)), None)
        return value if value is not None and value > 0 else None


def _by_image_type(values: _Values) -> _Found:
    for keyword, group in (("FrameType", _FRAME_TYPE), ("ImageType", "")):
        found = values.words(keyword, group)[2:]  # the first two are of another kind
        kinds = [_IMAGE_TYPES[word] for word in found if word in _IMAGE_TYPES]
        if kinds:  # "DIFFUSION\ADC": the one that says most
            return set(sorted(kinds, key=len)[0]), "\\".join(found), keyword
    return _NOTHING


def _by_diffusion(values: _Values) -> _Found:
    b_value = values.number("DiffusionBValue", _DIFFUSION) or values.number("DiffusionBValue")
    if b_value is None:
        return _NOTHING
    return {"DWI", "ADC", "EADC", "DTI"}, f"b = {b_value:g} s/mm2", "DiffusionBValue"


def _by_sequence_name(values: _Values) -> _Found:
    for keyword in ("SequenceName", "PulseSequenceName"):
        for name in values.words(keyword):
            for pattern, contrasts in _SEQUENCE_NAMES:
                if pattern.search(name):
                    return set(contrasts), name, keyword
    return _NOTHING


def _by_times_and_statement(values: _Values) -> _Found:
    """By what was done; among what that leaves open, by what is stated."""
    timed, stated = _by_times(values), _by_statement(values)
    if not timed[0] or (timed[0] & stated[0] and timed[0] - stated[0]):
        return timed[0] & stated[0] or stated[0], *stated[1:]
    return timed


def _by_statement(values: _Values) -> _Found:
    """By the attribute and the frame type that are there to say it, in enhanced images."""
    for keyword, group in (
        ("AcquisitionContrast", _FRAME_TYPE),
        ("AcquisitionContrast", ""),
        ("FrameType", _FRAME_TYPE),
        ("ImageType", ""),
    ):
        for word in values.words(keyword, group):
            if word in _STATED:
                return set(_STATED[word]), word, keyword
    return _NOTHING


def _by_times(values: _Values) -> _Found:
    """By echo, repetition and inversion times, which mean other things to other sequences."""
    kinds = set(values.words("ScanningSequence"))
    kinds |= {"SE": {"SE"}, "SPIN": {"SE"}, "GRADIENT": {"GR"}}.get(
        "".join(values.words("EchoPulseSequence")), set()
    )
    if "YES" in values.words("EchoPlanarPulseSequence"):
        kinds.add("EP")
    echo = values.number("EffectiveEchoTime", "MREchoSequence") or values.number("EchoTime")
    repetition = values.number("RepetitionTime", _TIMING) or values.number("RepetitionTime")
    inversion = values.number("InversionTimes", _MODIFIER) or values.number("InversionTime")
    angle = values.number("FlipAngle", _TIMING) or values.number("FlipAngle")
    inverted = "IR" in kinds or "YES" in values.words("InversionRecovery", _MODIFIER)
    figures = (("TE", echo, " ms"), ("TR", repetition, " ms"), ("TI", inversion, " ms"))
    said = [f"{name} {value:g}{unit}" for name, value, unit in figures if value is not None]
    if not kinds & {"SE", "GR", "EP", "IR"} or echo is None:
        return _NOTHING
    if "EP" in kinds:
        contrasts = set(_ECHO_PLANAR)
    elif "GR" in kinds:
        prepared = inverted or inversion is not None
        spoiled = "SP" in values.words("SequenceVariant")
        spoiled = spoiled or bool(set(values.words("Spoiling")) - {"NONE"})
        contrasts = _gradient_echo(echo, repetition, angle, prepared=prepared, spoiled=spoiled)
    else:
        contrasts = _spin_echo(echo, repetition, inversion, inverted=inverted)
    return contrasts, ", ".join([*said, *sorted(kinds)]), "EchoTime"


def _spin_echo(
    echo: float, repetition: float | None, inversion: float | None, *, inverted: bool
) -> set[str]:
    early, late = echo <= _EARLY_ECHO, echo >= _LATE_ECHO
    if inversion is not None and inversion >= _NULLS_FLUID:
        return {"FLAIR"} if late else set()  # with early echoes: labeled blood, maps of T1
    if inverted:
        if inversion is None:
            return {"FLAIR", "STIR"} if late else {T1, "STIR"} if early else set()
        if inversion <= _NULLS_FAT:
            return {"STIR"}
        return {T1} if early else set()
    if repetition is None:
        return set()
    if repetition <= _SHORT_REPETITION:
        return {T1} if early else {"T2"} if late else set()
    if late:
        return {"T2", "FLAIR"} if repetition >= _REPETITION_OF_FLAIR else {"T2"}
    if repetition < _LONG_REPETITION:
        return {T1, "PD"} if early else {"PD", "T2"}
    return {"PD"} if early else {"PD", "T2"}


def _gradient_echo(
    echo: float, repetition: float | None, angle: float | None, *, prepared: bool, spoiled: bool
) -> set[str]:
    if echo >= _LATE_GRADIENT_ECHO:
        return {"T2*", "SWI", "BOLD", "PERFUSION"}
    if echo > _EARLY_GRADIENT_ECHO:
        return set()
    if prepared:
        return {T1}
    weighted = angle is not None and angle >= _LARGE_ANGLE
    if spoiled and weighted and repetition is not None:
        if repetition < _FAST:
            return {T1}
        if repetition > _SLOW_GRADIENT and angle is not None and angle >= _LARGER_ANGLE:
            return {T1}
    return {T1, "PD", "TOF", "FLOW", "PERFUSION", "ASL", "BSSFP"}


def _agent(values: _Values) -> bool | None:
    """Whether Contrast/Bolus Agent (0018,0010) says that one was given."""
    said = values.words("ContrastBolusAgent")
    if not said:
        return None
    return any(_NO_AGENT.fullmatch(word.lower()) is None for word in said)
