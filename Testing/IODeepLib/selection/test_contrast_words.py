"""The contrasts that protocol names and descriptions name."""

from __future__ import annotations

import pytest

from IODeepLib.selection.contrast_words import is_name, phases, says_agent, weightings

NAMED = {
    "T1": "AX T1|t1_mprage_sag_p2_iso|sT1W_TSE|3D T1 BRAVO|MP2RAGE|t1_vibe_fs|LAVA|Sag T1 FSPGR"
    "|3DT1|SAGT1|AxT1FSE|T1 gewichtet|pesata in T1|pondération T1|T1 nativ|T1 ohne KM|T1 senza mdc"
    "|T1 sans injection|T1 sin contraste|T1 w/o contrast|T1 PRE|T1 -C|SAG T1 C-SPINE|T1 post op",
    "T1CE": "T1CE|t1c|AX T1 +C|Ax T1 FSE+C|AX T1 POST GAD|T1 Gd|t1_se_tra_km|T1 nach KM|T1 con mdc"
    "|T1 après injection|T1 con contraste|T1 c+|T1 gadovist|MPRAGE post|T1 contrast enhanced",
    "T2": "AX T2|t2_tse_tra|eT2W_TSE|AXT2|t2_space_sag|T2w|T2-weighted|HASTE cor|T2 gewichtet",
    "FLAIR": "FLAIR|AX T2 FLAIR|fat-sat T2 FLAIR|AxT2FLAIR|t2_tirm_tra_dark-fluid|3D vFLAIR"
    "|Flair T2|t2 spc dark fluid|CUBE FLAIR",
    "T2*": "T2*|T2* GRE|AX T2 GRE|T2star|t2_fl2d_tra_hemo|T2 Stern|T2-FFE|MEDIC",
    "STIR": "STIR|COR STIR|T2 STIR sag",
    "PD": "pd|pd_tse_fs|PD FS|PDW|DP FAT SAT|Protonendichte|densité de protons|densità protonica"
    "|proton density",
    "DWI": "DWI|ep2d_diff_b1000|isoDWI|Diffusion|Diffusione|difusión|b 800|TRACEW",
    "ADC": "ADC|dADC|ep2d_diff_3scan_trace_p2_ADC|DWI ADC|Apparent Diffusion Coefficient",
    "SWI": "SWI|SWI_Images|mIP_Images(SW)|Ax SWAN|T2* SWI|Suszeptibilität",
    "TOF": "TOF|tof_fl3d|3D time of flight",
    "BOLD": "ep2d_bold_moco|fMRI|rsfMRI",
    "ASL": "ASL|pCASL",
    "DTI": "DTI 64|dti_30dir",
    "T1 MAP": "T1 map|T1_MAP|MOLLI",
    "T2 MAP": "T2 map|T2 mapping|T2* map",
    "": "|localizer|T10|T12-L1|BRAIN|SAG|AX 3D|Post Tx|Spina|Aorta|Ctr|updated|Pditest|b0"
    "|phase contrast|FLAVOR",
}
SEVERAL = {
    "BRAIN T1 T2 FLAIR": {"T1", "FLAIR"},
    "T1/T2": {"T1", "T2"},
    "T1 + T2 + FLAIR": {"T1", "T2", "FLAIR"},
    "AX T2/FLAIR": {"T2", "FLAIR"},
    "T2 und FLAIR": {"T2", "FLAIR"},
    "DWI/ADC": {"DWI", "ADC"},
    "DWI, ADC": {"DWI", "ADC"},
    "PD T2 dual echo": {"PD", "T2"},
    "Ax T1 FLAIR": {"T1", "FLAIR"},
    "T1 W/WO": {"T1", "T1CE"},
    "T1 pre/post": {"T1", "T1CE"},
    "T1 mit und ohne KM": {"T1", "T1CE"},
    "tirm_cor": {"STIR", "FLAIR"},
}


@pytest.mark.parametrize(
    ("text", "name"), [(t, name) for name, line in NAMED.items() for t in line.split("|")]
)
def test_a_text_names_one_contrast_or_none(text: str, name: str) -> None:
    assert weightings(text) == ({name} if name else set())
    assert weightings(text.upper().replace("MIP_IMAGES", "mIP_Images")) == weightings(text)


@pytest.mark.parametrize(("text", "names"), SEVERAL.items(), ids=SEVERAL)
def test_a_text_names_several(text: str, names: set[str]) -> None:
    assert weightings(text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("native", {"NATIVE"}),
        ("CT Abdomen ohne KM", {"NATIVE"}),
        ("arterial phase", {"ARTERIAL"}),
        ("portalvenös", {"VENOUS"}),
        ("PORTAL VENOUS", {"VENOUS"}),
        ("fase venosa", {"VENOUS"}),
        ("Spätphase", {"DELAYED"}),
        ("delayed 5 min", {"DELAYED"}),
        ("arterial and venous", {"ARTERIAL", "VENOUS"}),
        ("Abdomen", set()),
    ],
)
def test_phases(text: str, names: set[str]) -> None:
    assert phases(text) == names


@pytest.mark.parametrize("text", ["T1 KM", "T1 ohne KM", "T1 pre", "T1 +C", "T1 post", "native"])
def test_what_says_whether_an_agent_was_given(text: str) -> None:
    assert says_agent(text)
    assert not says_agent("AX T1 C-SPINE post op")


@pytest.mark.parametrize("word", ["T1", "t2w", "T2 FLAIR", "T1ce", "T1 Gd", "DWI", "venous phase"])
def test_names(word: str) -> None:
    assert is_name(word)


@pytest.mark.parametrize("word", ["mprage", "T1 3D", "dixon water", "W", "first", "", "T1 fs"])
def test_words_that_are_more_or_less_than_a_name(word: str) -> None:
    assert not is_name(word)


@pytest.mark.parametrize("part", ["map", "t1", "pre ", "map of t", "w/", "coeffi", "+", "éé"])
def test_of_texts_without_end_the_beginning_is_read(part: str) -> None:
    """All of it would take hours, where words are as long as that."""
    text = part * 100_000
    for look in (weightings, phases, is_name, says_agent):
        assert look(text) == look(text[:1000])
