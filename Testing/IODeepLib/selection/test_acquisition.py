"""What the acquisition itself says of the contrast of an MR image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.series import Stack, enhanced, item, save
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from IODeepLib.geometry import Grid, Volume
from IODeepLib.selection.acquisition import Acquired, acquired
from IODeepLib.series import VolumeImage, find_series


def found(folder: Path, **attributes: Any) -> Acquired:
    """What a series with these attributes says."""
    Stack(common={"Modality": "MR", **attributes}).write(folder / "images")
    (series,) = find_series(folder / "images")
    return acquired(series)


SE, GR, EP, IR = "SE", "GR", "EP", "IR"


def times(kinds: Any, echo: float, repetition: float, inversion: float = 0, **more: Any) -> dict:
    """Attributes of a classic image."""
    return {
        "ScanningSequence": kinds,
        "EchoTime": echo,
        "RepetitionTime": repetition,
        **({"InversionTime": inversion} if inversion else {}),
        **more,
    }


# As scanners write them: what, attributes, contrasts.
WRITTEN: dict[str, tuple[dict[str, Any], set[str]]] = {
    "spin echo T1": (times(SE, 12, 500), {"T1", "T1CE"}),
    "T1 at 0.2 T": (times(SE, 24, 600), {"T1", "T1CE"}),
    "T1 SPACE": (times(SE, 20, 700), {"T1", "T1CE"}),
    "turbo spin echo T2": (times(SE, 102, 4500), {"T2"}),
    "T2 SPACE": (times(SE, 563, 3200), {"T2"}),
    "HASTE": (times(SE, 90, 1000), {"T2"}),
    "PD": (times(SE, 12, 2800), {"PD"}),
    "intermediate": (times(SE, 45, 3000), {"PD", "T2"}),
    "T1 or PD": (times(SE, 15, 1200), {"T1", "T1CE", "PD"}),
    "FLAIR": (times([SE, IR], 94, 9000, 2500), {"FLAIR"}),
    "FLAIR of Philips": (times(IR, 120, 11000, 2800), {"FLAIR"}),
    "CUBE FLAIR": (times(SE, 120, 6000, 1700), {"FLAIR"}),
    "FLAIR without inversion time": (times(SE, 120, 9500), {"T2", "FLAIR"}),
    "STIR": (times([SE, IR], 50, 4000, 150), {"STIR"}),
    "T1 FLAIR of GE": (times([SE, IR], 24, 2500, 860), {"T1", "T1CE"}),
    "SPAIR, whose pulse is no recovery": (times(SE, 80, 4000, 110), {"T2"}),
    "MPRAGE": (times([GR, IR], 2.9, 2300, 900, FlipAngle=9), {"T1", "T1CE"}),
    "BRAVO": (
        times(GR, 3.2, 8.2, 450, FlipAngle=12, SequenceVariant=["SS", "SP", "SK"]),
        {"T1", "T1CE"},
    ),
    "VIBE": (times(GR, 1.5, 4, FlipAngle=10, SequenceVariant="SP"), {"T1", "T1CE"}),
    "FLASH in two dimensions": (
        times(GR, 2.5, 300, FlipAngle=80, SequenceVariant=["SP", "OSP"]),
        {"T1", "T1CE"},
    ),
    "angiography": (
        times(GR, 3.7, 22, FlipAngle=18, SequenceVariant=["SP"]),
        {"T1", "T1CE", "PD", "TOF", "FLOW", "PERFUSION", "ASL", "BSSFP"},
    ),
    "TrueFISP": (
        times(GR, 1.6, 3.6, FlipAngle=60, SequenceVariant="SS"),
        {"T1", "T1CE", "PD", "TOF", "FLOW", "PERFUSION", "ASL", "BSSFP"},
    ),
    "T2*": (times(GR, 20, 620, FlipAngle=20), {"T2*", "SWI", "BOLD", "PERFUSION"}),
    "SWI": (times(GR, 20, 28, SequenceName="*swi3d1r"), {"SWI"}),
    "between": (times(GR, 12, 600), set()),
    "DWI": (times(EP, 90, 5000, SequenceName="*ep_b1000t"), {"DWI", "ADC", "DTI"}),
    "b-value": (times([EP, SE], 90, 5000, DiffusionBValue=800.0), {"DWI", "ADC", "EADC", "DTI"}),
    "b = 0": (
        times([EP, SE], 90, 5000, DiffusionBValue=0.0),
        {"DWI", "ADC", "DTI", "BOLD", "PERFUSION", "ASL", "T2", "T2*"},
    ),
    "ADC": (
        times(EP, 90, 5000, ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "ADC", "ND"]),
        {"ADC"},
    ),
    "BOLD": (times(EP, 30, 2000, SequenceName="*epfid2d1_64"), {"BOLD", "PERFUSION", "T2*"}),
    "phase": (
        times(GR, 5, 20, ImageType=["ORIGINAL", "PRIMARY", "P", "ND"], FlipAngle=12),
        set(),
    ),
    "field map of Philips": (
        times(GR, 5, 20, ImageType=["ORIGINAL", "PRIMARY", "T1", "FIELD_MAP"]),
        set(),
    ),
    "T1 map": (times([GR, IR], 2, 4, 100, ImageType=["DERIVED", "PRIMARY", "T1 MAP"]), {"T1 MAP"}),
    "research mode": (times("RM", 12, 500), set()),
    "nothing": ({}, set()),
    "zeros": (times(SE, 0, 0), set()),
    "no numbers": ({"ScanningSequence": "SE", "SequenceName": "x"}, set()),
    "Acquisition Contrast": ({"AcquisitionContrast": "FLUID_ATTENUATED"}, {"FLAIR"}),
    "Acquisition Contrast of a FLAIR": (
        times([SE, IR], 120, 9000, 2500, AcquisitionContrast="T2"),
        {"FLAIR"},
    ),
    "Acquisition Contrast decides what is open": (
        times(GR, 3.7, 22, AcquisitionContrast="TOF"),
        {"TOF"},
    ),
}


@pytest.mark.parametrize(("attributes", "contrasts"), WRITTEN.values(), ids=WRITTEN)
def test_classic_images(tmp_path: Path, attributes: dict[str, Any], contrasts: set[str]) -> None:
    said = found(tmp_path, **attributes)
    assert said.contrasts == contrasts
    assert bool(said.words) == bool(said.attribute) == bool(contrasts)


ENHANCED: dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]], set[str]]] = {
    "T2": (
        {"EchoPulseSequence": "SPIN"},
        {
            "MREchoSequence": {"EffectiveEchoTime": 100.0},
            "MRTimingAndRelatedParametersSequence": {"RepetitionTime": 4000},
        },
        {"T2"},
    ),
    "FLAIR": (
        {"EchoPulseSequence": "SPIN"},
        {
            "MREchoSequence": {"EffectiveEchoTime": 120.0},
            "MRTimingAndRelatedParametersSequence": {"RepetitionTime": 9000},
            "MRModifierSequence": {"InversionRecovery": "YES", "InversionTimes": 2500.0},
            "MRImageFrameTypeSequence": {"AcquisitionContrast": "T2"},
        },
        {"FLAIR"},
    ),
    "T1": ({}, {"MRImageFrameTypeSequence": {"AcquisitionContrast": "T1"}}, {"T1", "T1CE"}),
    "diffusion": (
        {},
        {"MRDiffusionSequence": {"DiffusionBValue": 1000.0}},
        {"DWI", "ADC", "EADC", "DTI"},
    ),
    "echo planar": (
        {"EchoPulseSequence": "GRADIENT", "EchoPlanarPulseSequence": "YES"},
        {
            "MREchoSequence": {"EffectiveEchoTime": 30.0},
            "MRImageFrameTypeSequence": {"AcquisitionContrast": "PERFUSION"},
        },
        {"PERFUSION", "ASL"},
    ),
    "phase": (
        {},
        {
            "MRImageFrameTypeSequence": {
                "FrameType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P"],
                "AcquisitionContrast": "T1",
            }
        },
        set(),
    ),
    "frame type": (
        {},
        {
            "MRImageFrameTypeSequence": {
                "FrameType": ["ORIGINAL", "PRIMARY", "PROTON_DENSITY", "NONE"]
            }
        },
        {"PD"},
    ),
    "unknown": ({}, {"MRImageFrameTypeSequence": {"AcquisitionContrast": "MIXED"}}, set()),
}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("attributes", "groups", "contrasts"), ENHANCED.values(), ids=ENHANCED)
def test_enhanced_images(
    tmp_path: Path,
    attributes: dict[str, Any],
    groups: dict[str, dict[str, Any]],
    contrasts: set[str],
    shared: bool,
) -> None:
    def group(keyword: str) -> Callable[[int], dict[str, Any]]:
        return lambda number: groups[keyword]

    order = [2, 0, 1, 4, 3]
    image = enhanced(Stack(), order, **({} if shared else {k: group(k) for k in groups}))
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    if shared:
        for keyword, values in groups.items():
            setattr(image.SharedFunctionalGroupsSequence[0], keyword, Items([item(**values)]))
    save(image, tmp_path / "image.dcm")
    (series,) = find_series(tmp_path)
    assert acquired(series).contrasts == contrasts


def test_echoes_of_one_enhanced_image_are_told_apart(tmp_path: Path) -> None:
    echoes = {
        "MREchoSequence": lambda number: {"EffectiveEchoTime": 15.0 if number < 5 else 90.0},
        "MRTimingAndRelatedParametersSequence": lambda number: {"RepetitionTime": 3000},
    }
    image = enhanced(Stack(), [*range(5), *range(5)], **echoes)
    image.EchoPulseSequence = "SPIN"
    save(image, tmp_path / "image.dcm")
    series = find_series(tmp_path)
    assert {frozenset(acquired(echo).contrasts) for echo in series} == {
        frozenset({"PD"}),
        frozenset({"T2"}),
    }


@pytest.mark.parametrize(
    ("agent", "given"),
    [
        ("Gadovist", True),
        ("11 ml Omniscan", True),
        ("CONTRAST", True),
        ("NONE", False),
        ("No", False),
        ("n/a", False),
        ("", None),
        (None, None),
    ],
)
def test_agents(tmp_path: Path, agent: str | None, given: bool | None) -> None:
    attributes = {} if agent is None else {"ContrastBolusAgent": agent}
    said = found(tmp_path, **times(SE, 12, 500), **attributes)
    assert said.agent is given
    assert said.contrasts == ({"T1"} if given is False else {"T1", "T1CE"})


def test_what_is_no_mr_and_what_is_in_memory() -> None:
    header = Dataset()
    header.Modality, header.ScanningSequence = "MR", "SE"
    header.EchoTime, header.RepetitionTime = 100, 4000
    grid = Grid((3, 4, 5), np.eye(4))
    image = VolumeImage(Volume(np.zeros((3, 4, 5), np.float32), grid), header, "x")
    assert acquired(image).contrasts == {"T2"}
    header.Modality = "CT"
    assert acquired(image) == Acquired()
