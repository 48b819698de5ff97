"""Codes, the table of regions against the standard, how regions lie, and regions in free text."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys

import pytest
from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

from IODeepLib import codes
from IODeepLib.codes import (
    Code,
    anatomy_table,
    anatomy_text,
    distance,
    is_sct_concept,
    laterality_in_text,
    region_by_code,
    region_by_term,
    regions,
    regions_in_text,
)
from IODeepLib.codes.code import _RT_OF_CONSTANTS
from IODeepLib.codes.sequences import code_sequence
from IODeepLib.recipe import Label
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, dump, parse

LIVER = Code("10200004", "SCT", "Liver")


# Codes


def test_equality_ignores_the_meaning():
    assert Code("10200004", "SCT", "Leber") == LIVER
    assert hash(Code("10200004", "SCT", "Leber")) == hash(LIVER)
    assert Code("10200004", "99X", "Liver") != LIVER
    assert Code("10200005", "SCT", "Liver") != LIVER
    assert LIVER != "10200004"


@pytest.mark.parametrize("scheme", ["SRT", "SNM3", "99SDM"])
def test_snomed_rt_equals_snomed_ct(scheme):
    assert Code("T-62000", scheme, "Liver") == LIVER
    assert hash(Code("T-62000", scheme, "Liver")) == hash(LIVER)
    assert Code("G-A101", scheme, "Left") == codes.LEFT
    assert Code("T-99999", scheme, "Unknown") == Code("T-99999", "SRT", "Unknown")
    assert Code("T-62000", "DCM", "Liver") != LIVER


@pytest.mark.parametrize(
    ("value", "scheme", "meaning", "name"),
    [
        ("", "SCT", "Liver", "value"),
        ("  ", "SCT", "Liver", "value"),
        ("10200004", "", "Liver", "scheme"),
        ("10200004", "S" * 17, "Liver", "scheme"),
        ("10200004", "SCT", "", "meaning"),
        ("10200004", "SCT", "L" * 65, "meaning"),
        ("10200004 ", "SCT", "Liver", "value"),
        ("10200004", "SCT", "Liver\\Spleen", "meaning"),
        ("10200004", "SCT", "Liver\n", "meaning"),
        (10200004, "SCT", "Liver", "value"),
    ],
)
def test_invalid_codes(value, scheme, meaning, name):
    with pytest.raises(ValueError, match=re.escape(name)):
        Code(value, scheme, meaning)


@pytest.mark.parametrize(
    ("code", "keyword"),
    [
        (LIVER, "CodeValue"),
        (Code("1" * 17, "SCT", "Long"), "LongCodeValue"),
        (Code("urn:oid:1.2.3", "99X", "URN"), "URNCodeValue"),
    ],
)
def test_dataset_there_and_back(code, keyword):
    item = code.to_dataset()
    assert [e.keyword for e in item] == sorted(
        [keyword, "CodingSchemeDesignator", "CodeMeaning"], key=lambda k: item[k].tag
    )
    holder = Dataset()
    holder.AnatomicRegionSequence = [item]
    (back,) = code_sequence(holder, "AnatomicRegionSequence")
    assert (back, back.meaning) == (code, code.meaning)


def test_items_that_make_no_code_are_left_out():
    holder = Dataset()
    holder.AnatomicRegionSequence = [LIVER.to_dataset(), Dataset()]
    assert code_sequence(holder, "AnatomicRegionSequence") == (LIVER,)


def test_json_there_and_back():
    assert dump(LIVER) == {"value": "10200004", "scheme": "SCT", "meaning": "Liver"}
    assert parse(Code, dump(LIVER)) == LIVER
    with pytest.raises(StructureError, match=r"\$\.meaning"):
        parse(Code, {"value": "1", "scheme": "SCT"})
    with pytest.raises(StructureError, match=r"\$\.code"):
        parse(Code, {**dump(LIVER), "code": "1"})


def test_a_code_in_a_recipe_is_named_by_its_path():
    category = {"value": "91723000", "scheme": "SCT", "meaning": "M" * 65}
    with pytest.raises(StructureError) as error:
        parse(Many[Label], [{"value": 1, "name": "x", "category": category}])
    assert error.value.path.startswith("$[0].category")


def test_import_is_light():
    probe = "import sys, IODeepLib.codes; print([m for m in sys.modules if 'pydicom' in m])"
    answer = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


# The table against the standard, as pydicom has it


_MEANINGS: dict[tuple[str, str], set[str]] = {}
for _scheme, _keywords in concepts.items():
    for _values in _keywords.values():
        for _value, (_meaning, _) in _values.items():
            _MEANINGS.setdefault((_value, _scheme), set()).add(_meaning)


def _names(code: Code) -> set[str]:
    return _MEANINGS.get((code.value, code.scheme), set())


_ORDINARY_WORDS = (
    "structure|body|of|and|or|region|bone|area|joint|serous|membrane|proper|combined|site|branch"
    "|main|space|finding|substance"
)


def _significant(meaning: str) -> frozenset[str]:
    """The words that make a meaning: "Bone structure of femur (body structure)" is "femur"."""
    words = re.findall(r"[a-z0-9]+", meaning.lower())
    return frozenset(w for w in words if not re.fullmatch(_ORDINARY_WORDS, w)) or frozenset(words)


# The same concept in other words: what pydicom calls it.
_OTHER_WORDS = {
    "ANUS": "Anal structure (body structure)",
    "ATLANTOAXIAL": "Atlantal-axial joint",
    "MORISONSPOUCH": "Rutherford Morrison's pouch (body structure)",
    "RENALCALYX": "Calyx",
    "NAVICULARFOOT": "Navicular of hindfoot",
}


def _constants() -> list[Code]:
    return [value for value in vars(codes).values() if isinstance(value, Code)]


def test_constants_are_in_the_dictionary():
    for code in _constants():
        if not code.scheme.startswith("99"):
            assert code.meaning in _names(code), str(code)


def test_constants_of_snomed_rt():
    for code, rt in _RT_OF_CONSTANTS.items():
        assert mapping["SCT"][code.value] == rt


# Terms of Annex L whose codes pydicom 3.0 does not have.
_NOT_IN_THE_DICTIONARY = {"UPPERTRUNK", "LOWERTRUNK", "FETUS"}


def test_code_against_the_dictionary():
    for region in regions():
        names = _names(region.code)
        if region.term in _NOT_IN_THE_DICTIONARY:
            assert not names, region.term
            continue
        ours = _significant(region.code.meaning)
        theirs = {_significant(name) for name in names}
        assert ours in theirs or _OTHER_WORDS.get(region.term) in names, (region.term, names)


def test_few_codes_are_outside_the_dictionary():
    outside = {r.term for r in regions() if not _names(r.code)}
    assert outside == {"UPPERTRUNK", "LOWERTRUNK", "FETUS"}


def test_snomed_rt_against_the_dictionary():
    for row in anatomy_table.rows().values():
        known = mapping["SCT"].get(row.sct)
        if known is not None:
            assert row.rt == known, row.term
        if row.rt is not None:
            assert mapping["SRT"].get(row.rt, row.sct) == row.sct, row.term


def test_all_of_cid_4031_and_4030_are_in_the_table():
    for cid in (4030, 4031):
        for values in concepts["SCT"].values():
            for value, (meaning, groups) in values.items():
                if cid in groups:
                    assert region_by_code(Code(value, "SCT", meaning)), (value, meaning)


def test_nearly_all_of_cid_4_is_in_the_table():
    missing = {
        meaning
        for values in concepts["SCT"].values()
        for value, (meaning, groups) in values.items()
        if 4 in groups and not region_by_code(Code(value, "SCT", meaning))
    }
    assert len(missing) < 80  # congenital vessels, veins of the perforating system, grafts
    assert not {"Liver", "Chest", "Head", "Knee", "Endo-renal"} & missing


# The table in itself


def test_terms_and_codes_are_unique():
    assert len({r.term for r in regions()}) == len(regions())
    assert len({r.code for r in regions()}) == len(regions())
    rts = [row.rt for row in anatomy_table.rows().values() if row.rt]
    assert len(set(rts)) == len(rts)


def test_term_is_a_dicom_code_string():
    for region in regions():
        assert re.fullmatch(r"[A-Z0-9]{1,16}", region.term), region.term
        assert region_by_term(region.term) is region, region.term
        assert region_by_code(region.code) is region, region.term


def around(region):
    """The terms of the region and of all that show it whole."""
    by_term = {r.term: r for r in regions()}
    seen, generation = set(), [region]
    while generation:  # ends, as no region is its own ancestor
        seen |= {r.term for r in generation}
        generation = [by_term[p] for r in generation for p in r.parents]
        assert region not in generation, "a cycle"
    return seen


def test_parents_exist_and_lead_to_the_whole():
    terms = {region.term for region in regions()}
    for region in regions():
        assert {*region.parents, *region.partly_in} <= terms, region.term
        assert not set(region.parents) & set(region.partly_in), region.term
        assert ("WHOLEBODY" in around(region)) != (region.term == "PHANTOM"), region.term


def test_body_part_examined_is_of_annex_l():
    for region in regions():
        row = anatomy_table.rows()[region.body_part_examined]
        assert row.in_annex_l, region.term
        asked = region_by_term(region.body_part_examined)
        assert asked.term in around(region), region.term


def test_body_part_examined_of_what_annex_l_does_not_have():
    assert region_by_term("HIPPOCAMPUS").body_part_examined == "BRAIN"
    assert region_by_term("VERTEBRAL1").body_part_examined == "LSPINE"
    assert region_by_term("LIVER").body_part_examined == "LIVER"


def _listed(text: str) -> list[str]:
    return [name for _, names in anatomy_table.lists(text) for name in names]


def test_synonyms_and_unions_name_regions():
    terms = {r.term for r in regions()}
    for text in (anatomy_table.SYNONYMS, anatomy_table.FORMER_CODES, anatomy_table.TOGETHER):
        assert {term for term, _ in anatomy_table.lists(text)} <= terms
    for synonym in _listed(anatomy_table.SYNONYMS):
        assert synonym not in terms
    assert set(_listed(anatomy_table.TOGETHER)) <= terms


def test_former_codes_are_no_present_ones():
    present = {row.sct for row in anatomy_table.rows().values()}
    present |= {row.rt for row in anatomy_table.rows().values()}
    for former in _listed(anatomy_table.FORMER_CODES):
        assert former not in present


@pytest.mark.parametrize(
    ("code", "term"),
    [
        (Code("T-D4000", "SRT", "Abdomen"), "ABDOMEN"),
        (Code("113345001", "SCT", "Abdomen"), "ABDOMEN"),
        (Code("T-D3000", "SNM3", "Chest"), "CHEST"),
        (Code("51185008", "SCT", "Chest"), "CHEST"),
        (Code("43799004", "SCT", "Chest"), "CHEST"),
        (Code("T-D6000", "SRT", "Pelvis"), "PELVIS"),
        (Code("R-FAB57", "SRT", "Abdomen and Pelvis"), "ABDOMENPELVIS"),
        (Code("T-A0100", "SRT", "Brain"), "BRAIN"),
        (Code("29836001", "SCT", "Hip"), "HIP"),
        (Code("123037004", "SCT", "Body structure"), None),
        (Code("10200004", "99X", "Liver"), None),
    ],
    ids=str,
)
def test_region_by_code(code, term):
    region = region_by_code(code)
    assert (region and region.term) == term


@pytest.mark.parametrize(
    ("written", "term"),
    [
        ("LSPINE", "LSPINE"),
        ("lspine", "LSPINE"),
        ("L SPINE", "LSPINE"),
        ("L-SPINE", "LSPINE"),
        ("LUMBAR SPINE", "LSPINE"),
        ("Lumbar_Spine", "LSPINE"),
        ("THORAX", "CHEST"),
        ("HEAD_NECK", "HEADNECK"),
        ("HEAD AND NECK", "HEADNECK"),
        ("CHEST ABDOMEN PELVIS", "CHESTABDPELVIS"),
        ("ABDOMEN_PELVIS", "ABDOMENPELVIS"),
        ("WHOLE BODY", "WHOLEBODY"),
        ("ARM", "UPPERLIMB"),
        ("LEG", "LOWERLIMB"),
        ("UP_EXM", "UPPERLIMB"),
        ("LOW_EXM", "LOWERLIMB"),
        ("SUPRAPUBIC", "HYPOGASTRIC"),
        ("ENDORECTAL", "RECTUM"),
        ("3RDVENTRICLE", "3RDVENTRICLE"),
        ("Adrenal gland", "ADRENAL"),
        ("KOPF", "HEAD"),
        ("SCHÄDEL", "HEAD"),
        ("TORACE", "CHEST"),
        ("GENOU", "KNEE"),
        ("CADERA", "HIP"),
        ("KNIE", "KNEE"),
        ("SINUSES", "PARANASALSINUS"),
        ("PROSTATE MRI", None),
        ("PARTIALBODY", None),
        ("UNKNOWN", None),
        ("OTHER", None),
        ("HAND FOOT", None),
        ("", None),
        (" ", None),
        ("_", None),
    ],
)
def test_region_by_term(written, term):
    region = region_by_term(written)
    assert (region and region.term) == term


# How regions lie


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("LIVER", "LIVER", True),
        ("LIVER", "ABDOMEN", True),
        ("ABDOMEN", "LIVER", True),
        ("ABDOMENPELVIS", "LIVER", True),
        ("CHESTABDPELVIS", "LIVER", True),
        ("WHOLEBODY", "LIVER", True),
        ("WHOLEBODY", "HIPPOCAMPUS", True),
        ("HEAD", "BRAIN", True),
        ("SKULL", "BRAIN", True),
        ("BRAIN", "HEAD", True),
        ("BRAIN", "HIPPOCAMPUS", True),
        ("HEAD", "PITUITARY", True),
        ("BRAIN", "PITUITARY", True),
        ("ABDOMENPELVIS", "PELVIS", True),
        ("PELVIS", "ABDOMENPELVIS", True),
        ("PELVIS", "PROSTATE", True),
        ("ABDOMEN", "PROSTATE", False),
        ("LOWERLIMB", "KNEE", True),
        ("EXTREMITY", "KNEE", True),
        ("KNEE", "LOWERLIMB", True),
        ("KNEE", "FEMUR", True),
        ("HIP", "FEMUR", True),
        ("CHEST", "TSPINE", True),
        ("TSPINE", "CHEST", True),
        ("SPINE", "VERTEBRAL1", True),
        ("CHEST", "SPINE", True),  # they overlap
        ("ABDOMEN", "SPINE", True),
        ("HEAD", "SPINE", False),
        ("CHESTABDOMEN", "ABDOMENPELVIS", True),
        ("NECKCHEST", "CHESTABDPELVIS", True),
        ("CHEST", "AORTA", True),
        ("ABDOMEN", "AORTA", True),
        ("CHESTABDPELVIS", "AORTA", True),
        ("CHEST", "ABDOMINALAORTA", False),
        ("ABDOMEN", "COLON", True),
        ("ABDOMENPELVIS", "COLON", True),
        ("CHEST", "LUNG", True),
        ("LUNG", "LUNGUPPERLOBE", True),
        ("CHEST", "HEART", True),
        ("CHEST", "BREAST", True),
        ("BREAST", "LUNG", False),
        ("CHEST", "ABDOMEN", False),
        ("ABDOMEN", "CHEST", False),
        ("ABDOMEN", "PELVIS", False),
        ("HEAD", "NECK", False),
        ("NECK", "CHEST", False),
        ("HEAD", "CHEST", False),
        ("SHOULDER", "CHEST", False),
        ("KNEE", "ANKLE", False),
        ("UPPERLIMB", "LOWERLIMB", False),
        ("KNEE", "BRAIN", False),
        ("PHANTOM", "WHOLEBODY", False),
        ("WHOLEBODY", "PHANTOM", False),
    ],
)
def test_which_regions_have_something_in_common(one, other, near):
    steps = distance(region_by_term(one), region_by_term(other))
    assert (steps is not None) == near


@pytest.mark.parametrize(
    ("found", "asked", "steps"),
    [
        ("LIVER", "LIVER", 0),
        ("ABDOMEN", "LIVER", 1),
        ("LIVER", "ABDOMEN", 1),
        ("ABDOMENPELVIS", "LIVER", 2),
        ("CHESTABDPELVIS", "LIVER", 3),
        ("CHEST", "SPINE", 2),
        ("HEAD", "KNEE", None),
    ],
)
def test_distance(found, asked, steps):
    assert distance(region_by_term(found), region_by_term(asked)) == steps


def test_distances_are_the_same_both_ways():
    for a, b in itertools.combinations(regions()[::3], 2):
        assert distance(a, b) == distance(b, a)


def test_wider_regions_are_farther():
    liver = region_by_term("LIVER")
    chain = ["LIVER", "ABDOMEN", "ABDOMENPELVIS", "CHESTABDPELVIS", "TRUNK", "WHOLEBODY"]
    steps = [distance(region_by_term(term), liver) for term in chain]
    assert steps == sorted(set(steps))


# Regions and sides in text


def in_text(text: str) -> str:
    """Terms, with the side after a colon: "KNEE:R FOOT"."""
    return " ".join(
        m.region.term + (f":{m.laterality}" if m.laterality else "") for m in regions_in_text(text)
    )


ENGLISH = {
    "Head^01_HeadRoutine (Adult)": "HEAD",
    "CT HEAD/BRAIN WO CONTRAST": "HEAD BRAIN",
    "MR Brain w/wo contrast": "BRAIN",
    "CT Head and Neck": "HEADNECK",
    "C-SPINE": "CSPINE",
    "c spine lat": "CSPINE",
    "XR CSpine Comp Min 4 Views": "CSPINE",
    "T-Spine AP": "TSPINE",
    "L SPINE": "LSPINE",
    "MRI L-S SPINE": "LSSPINE",
    "Thoracolumbar spine": "TLSPINE",
    "CT cervical, thoracic and lumbar spine": "SPINE",
    "CT cervical spine, thoracic spine, lumbar spine": "SPINE",
    "SI joints": "SIJOINT",
    "CT CHEST ABDOMEN PELVIS W CONTRAST": "CHESTABDPELVIS",
    "CT C/A/P": "CHESTABDPELVIS",
    "CT CAP": "CHESTABDPELVIS",
    "Chest, abdomen and pelvis": "CHESTABDPELVIS",
    "CT Abd & Pelvis": "ABDOMENPELVIS",
    "ABD/PEL": "ABDOMENPELVIS",
    "ABDPEL 5.0": "ABDOMENPELVIS",
    "AbdomenPelvis": "ABDOMENPELVIS",
    "ABDOMENPELVIS": "ABDOMENPELVIS",
    "CT-THORAX/ABDOMEN": "CHESTABDOMEN",
    "CTThorax": "CHEST",
    "CXR PA": "CHEST",
    "TX ROUTINE": "CHEST",
    "chest pain, r/o PE": "CHEST",
    "CTPA": "PULMONARYA",
    "Lung low dose screening": "LUNG",
    "Left upper lobe nodule": "LUNGUPPERLOBE:L",
    "abdomen^liver": "ABDOMEN LIVER",
    "MRI liver multiphase": "LIVER",
    "late liver phase": "LIVER",
    "MRCP": "BILIARYTRACT",
    "Renal stone protocol": "KIDNEY",
    "CT KUB": "ABDOMENPELVIS",
    "US KIDNEY LT": "KIDNEY:L",
    "mpMRI Prostate PIRADS": "PROSTATE",
    "MR PELVIS FEMALE": "PELVIS",
    "CT CARDIAC / coronary CTA": "HEART CORONARYARTERY",
    "SmartScore - Gated 0.5 sec": "CORONARYARTERY",
    "CTA abdominal aorta runoff": "ABDOMINALAORTA LOWERLIMB",
    "Carotids": "CAROTID",
    "XR KNEE RT 3 VIEWS": "KNEE:R",
    "LKNEE": "KNEE:L",
    "R HIP": "HIP:R",
    "KNEE_L": "KNEE:L",
    "Right foot; left foot": "FOOT:R FOOT:L",
    "left and right knee": "KNEE:B",
    "Bilateral hands": "HAND:B",
    "SHOULDER AP INT ROT L": "SHOULDER:L",
    "femoral neck fracture": "FEMUR",
    "Left femur AP": "FEMUR:L",
    "lower extremity CTA": "LOWERLIMB",
    "MAMMO SCREENING BILAT": "BREAST:B",
    "sinus CT": "PARANASALSINUS",
    "IAC w contrast": "IAC",
    "pituitary dynamic": "PITUITARY",
    "Whole Body Bone": "WHOLEBODY",
    "PET/CT skull base to mid-thigh": "NECKCHESTABDPELV",
    "FDG EYES TO THIGHS": "NECKCHESTABDPELV",
    "Neck w/o contrast": "NECK",
    "Fetal brain": "FETUS BRAIN",
    "Thorax^1HEAD_NECK_PETCT": "CHEST HEADNECK",
    "QA PHANTOM": "PHANTOM",
    "gall bladder": "GALLBLADDER",
    "cervical cancer staging": "CERVIX",
    "left atrium": "LATRIUM",
    "MRI C-T-L SPINE": "SPINE",
    "PET CT base of skull to mid thigh": "NECKCHESTABDPELV",
    "RT SHLDR": "SHOULDER:R",
    "Renal Tx US": "KIDNEY",
    "CorCTA": "CORONARYARTERY",
    "US RUQ": "RUQ",
    "XR Pelvis + R hip": "PELVIS HIP:R",
    "NeckChestAbdPel": "NECKCHESTABDPELV",
    "WB_DWI": "WHOLEBODY",
}

ITALIAN = {
    "TC testa": "HEAD",
    "TC CRANIO senza mdc": "HEAD",
    "RM encefalo con mdc": "BRAIN",
    "RM cervello": "BRAIN",
    "TC torace HR": "CHEST",
    "TC torace-addome": "CHESTABDOMEN",
    "TC TORACE ADDOME PELVI": "CHESTABDPELVIS",
    "TC toraco-addominale": "CHESTABDOMEN",
    "tc addome completo": "ABDOMEN",
    "RM addome superiore": "UPPERABDOMEN",
    "RM fegato": "LIVER",
    "RM prostata multiparametrica": "PROSTATE",
    "RX bacino": "PELVIS",
    "RX ginocchio dx": "KNEE:R",
    "RX GINOCCHIO SIN": "KNEE:L",
    "ginocchio sx 2 proiezioni": "KNEE:L",
    "RM spalla destra": "SHOULDER:R",
    "spalla destra e ginocchio sinistro": "SHOULDER:R KNEE:L",
    "RX mani bilaterale": "HAND:B",
    "rachide cervicale": "CSPINE",
    "RM rachide lombo-sacrale": "LSSPINE",
    "colonna dorsale": "TSPINE",
    "RM dell'anca sx": "HIP:L",
    "collo del femore": "FEMUR",
    "collo dell'utero": "CERVIX",
    "ecografia collo": "NECK",
    "seni paranasali": "PARANASALSINUS",
    "massiccio facciale": "FACE",
    "RM mammella bilaterale": "BREAST:B",
    "rocche petrose": "TEMPORALBONE",
    "TSA": "CAROTID",
    "vie urinarie": "URINARYTRACT",
    "uroTC": "URINARYTRACT",
    "RM caviglia sn": "ANKLE:L",
    "coronarie": "CORONARYARTERY",
    "articolazioni sacro-iliache": "SIJOINT",
    "RM COLONNA LOMBOSACRALE": "LSSPINE",
    "TC COLLO TORACE ADDOME": "NECKCHESTABDOMEN",
    "Mammografia bilaterale": "BREAST:B",
}

GERMAN = {
    "T1_Kopf_sag": "HEAD",
    "Schädel nativ": "HEAD",
    "CT Schaedel": "HEAD",
    "SCHÄDELBASIS": "SKULL",
    "CCT": "HEAD",
    "cMRT": "HEAD",
    "MRTKopf": "HEAD",
    "KopfHals": "HEADNECK",
    "Kopf/Hals-Angio": "HEADNECK",
    "MRT Gehirn": "BRAIN",
    "hws": "CSPINE",
    "HWS sag T2": "CSPINE",
    "BWS/LWS": "TLSPINE",
    "LWS tra": "LSPINE",
    "CT Thorax/Abdomen KM": "CHESTABDOMEN",
    "THORAXABDOMEN": "CHESTABDOMEN",
    "Thorax Abdomen Becken": "CHESTABDPELVIS",
    "Hals-Thorax-Abdomen-Becken": "NECKCHESTABDPELV",
    "Abdomen u. Becken": "ABDOMENPELVIS",
    "Oberbauch": "UPPERABDOMEN",
    "MRT der Leber": "LIVER",
    "Lebermetastasen": "LIVER",
    "Leberbereich": "LIVER",
    "Nieren": "KIDNEY",
    "Knie re ap": "KNEE:R",
    "Knie a.p. re": "KNEE:R",
    "Knie li.": "KNEE:L",
    "Kniegelenk links": "KNEE:L",
    "rechtes Handgelenk": "WRIST:R",
    "Hand der rechten Seite": "HAND:R",
    "Schultergelenk bds": "SHOULDER:B",
    "Hüfte rechts axial": "HIP:R",
    "Hueftgelenk re.": "HIP:R",
    "OSG li": "ANKLE:L",
    "Fuß links": "FOOT:L",
    "Fuss d.p.": "FOOT",
    "li.Hand": "HAND:L",
    "Oberschenkel": "THIGH",
    "NNH": "PARANASALSINUS",
    "Felsenbein": "TEMPORALBONE",
    "ISG": "SIJOINT",
    "Mamma-MRT": "BREAST",
    "Brust beidseits": "BREAST:B",
    "Prostatakarzinom": "PROSTATE",
    "Becken-Bein-Angio": "PELVISLOWEXTREMT",
    "Herz-CT": "HEART",
    "Koronararterien": "CORONARYARTERY",
    "Schilddrüse": "THYROID",
    "Ganzkörper": "WHOLEBODY",
    "Fußwurzel li": "TARSUS:L",
    "Magen-Darm-Passage": "UGITRACT",
}

FRENCH = {
    "IRM cérébrale": "BRAIN",
    "cerveau": "BRAIN",
    "Scanner tête": "HEAD",
    "TETE": "HEAD",
    "scanner crânien": "HEAD",
    "TDM thoracique": "CHEST",
    "poumon": "LUNG",
    "TAP": "CHESTABDPELVIS",
    "scanner thoraco-abdomino-pelvien": "CHESTABDPELVIS",
    "Abdomino-pelvienne": "ABDOMENPELVIS",
    "IRM foie": "LIVER",
    "IRM du foie": "LIVER",
    "bassin face": "PELVIS",
    "genou droit": "KNEE:R",
    "GENOU G": "KNEE:L",
    "IRM de l'épaule gauche": "SHOULDER:L",
    "main droite face": "HAND:R",
    "les deux mains": "HAND:B",
    "sein droit": "BREAST:R",
    "IRM des seins": "BREAST",
    "rein gauche": "KIDNEY:L",
    "rachis cervical": "CSPINE",
    "rachis lombaire": "LSPINE",
    "Rachis dorso-lombaire": "TLSPINE",
    "sinus de la face": "PARANASALSINUS",
    "cheville dte": "ANKLE:R",
    "hanche D": "HIP:R",
    "prostate": "PROSTATE",
    "œsophage": "ESOPHAGUS",
    "coroscanner": "CORONARYARTERY",
    "col du fémur": "FEMUR",
    "rochers": "TEMPORALBONE",
    "troncs supra-aortiques": "CAROTID",
    "corps entier": "WHOLEBODY",
    "Echo abdominale": "ABDOMEN",
    "rachis lombo-sacré": "LSSPINE",
}

SPANISH = {
    "TC cabeza": "HEAD",
    "TC cráneo": "HEAD",
    "CRANEO SIMPLE": "HEAD",
    "RM cerebro": "BRAIN",
    "tórax": "CHEST",
    "TC TORAX SIN CONTRASTE": "CHEST",
    "TC tórax, abdomen y pelvis": "CHESTABDPELVIS",
    "hígado": "LIVER",
    "RX rodilla izq": "KNEE:L",
    "RODILLA DER": "KNEE:R",
    "RODILLA SIN CONTRASTE": "KNEE",
    "rodilla derecha": "KNEE:R",
    "ambas rodillas": "KNEE:B",
    "Hombro izquierdo": "SHOULDER:L",
    "columna cervical": "CSPINE",
    "columna lumbosacra": "LSSPINE",
    "senos paranasales": "PARANASALSINUS",
    "mama bilateral": "BREAST:B",
    "muñeca dcha": "WRIST:R",
    "tobillo": "ANKLE",
    "pie derecho": "FOOT:R",
    "dedo del pie": "TOE",
    "cadera": "HIP",
    "cuello": "NECK",
    "cuello uterino": "CERVIX",
    "próstata": "PROSTATE",
    "riñones": "KIDNEY",
    "vejiga": "BLADDER",
    "cuerpo entero": "WHOLEBODY",
    "miembros inferiores": "LOWERLIMB",
    "TAC TORACO ABDOMINO PELVICO": "CHESTABDPELVIS",
    "UROTAC": "URINARYTRACT",
}

NO_REGION = [
    "",
    "123",
    "t1_fl2d_sag",
    "T2 TSE tra fs",
    "head first supine",
    "FEET FIRST",
    "Kopf voran",
    "tête en avant",
    "testa avanti",
    "entra di piedi",
    "pies primero",
    "handle",
    "handheld",
    "Behandlung",
    "Handlung",
    "heart rate 60 bpm",
    "frame rate",
    "head coil",
    "32ch head/neck coil",
    "Head Neck Coil",
    "NeckCoil",
    "Kopfspule",
    "Kniespule",
    "Knee 18ch coil",
    "HEAD 32CH",
    "bobina testa",
    "antenne tête",
    "coronal MPR",
    "Koronare Rekonstruktion",
    "COR T1",
    "cranio-caudal",
    "skull-stripped",
    "ARMS UP",
    "Arme hoch",
    "braccia alte",
    "post tx",
    "Tx/Rx",
    "main sequence",
    "kann sein",
    "Leistung",
    "anche",
    "rear view",
    "1 año",
    "PARTIALBODY FDG_TK_KM",
    "localizer",
    "ROMERO",
    "REYES",
    "Magenta",
    "mammal",
    "MR fingerprinting",
    "bone scan MDP",
    "sin contraste",
    "côté gauche",
    "face",
    "back to baseline",
    "L5/S1",
    "research",
    "legend",
    "armature",
    "B0 NS",
    "REST1 w SMS PF7-8",
    "ANGIO Projected from   C",
    "T/S/C RF FAST PILOT",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(ENGLISH | ITALIAN | GERMAN | FRENCH | SPANISH).items(),
        *((text, "") for text in NO_REGION),
    ],
)
def test_regions_in_text(text, expected):
    assert in_text(text) == expected


def test_there_are_enough_examples():
    for examples in (ENGLISH, ITALIAN, GERMAN, FRENCH, SPANISH):
        assert len(examples) >= 30
    assert len(NO_REGION) >= 50


def test_case_and_accents_do_not_matter():
    decomposed = "Scha\N{COMBINING DIAERESIS}del"
    assert in_text("SCHÄDEL") == in_text("schädel") == in_text("Schadel") == in_text(decomposed)


def test_the_word_is_as_it_stands_in_the_text():
    (match,) = regions_in_text("CT-THORAX/ABDOMEN 5.0")
    assert (match.region.term, match.word) == ("CHESTABDOMEN", "THORAX/ABDOMEN")
    (match,) = regions_in_text("Schädel nativ")
    assert match.word == "Schädel"


def test_every_word_finds_its_region():
    for term, words in anatomy_table.lists(anatomy_table.read("anatomy_words.txt")):
        assert region_by_term(term), term
        for word in words:
            for text in (word.rstrip("*"), word.rstrip("*").upper()):
                terms = [m.region.term for m in regions_in_text(text)]
                assert terms == [term], (word, terms)


def test_main_regions_have_words_in_five_languages():
    lines = anatomy_table.read("anatomy_words.txt").replace("\n ", " ").splitlines()
    languages = {line.split(" = ")[0]: line.count("/") + 1 for line in lines if " = " in line}
    head = {"HEAD", "BRAIN", "NECK", "SPINE", "CSPINE", "TSPINE", "LSPINE"}
    trunk = {"CHEST", "LUNG", "HEART", "BREAST", "ABDOMEN", "LIVER", "KIDNEY", "PELVIS", "PROSTATE"}
    limbs = {"SHOULDER", "ELBOW", "WRIST", "HAND", "HIP", "KNEE", "ANKLE", "FOOT"}
    assert {term for term in head | trunk | limbs if languages[term] != 5} == set()


def test_a_word_stands_for_one_region():
    vocabulary = anatomy_text._Vocabulary()
    vocabulary.add("liver", "LIVER")
    vocabulary.add("liver", "LIVER")
    with pytest.raises(ValueError, match="liver"):
        vocabulary.add("Liver", "SPLEEN")


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("right knee", "R"),
        ("KNEE LEFT", "L"),
        ("KNEE LEFT LATERAL", "L"),
        ("XR LEFT LATERAL KNEE", "L"),
        ("RT FOOT", "R"),
        ("L HIP", "L"),
        ("KNEE R", "R"),
        ("RIGHT", "R"),
        ("links", "L"),
        ("gauche", "L"),
        ("sinistra", "L"),
        ("sx", "L"),
        ("izquierda", "L"),
        ("izq.", "L"),
        ("derecha", "R"),
        ("droite", "R"),
        ("destra", "R"),
        ("ginocchio dx", "R"),
        ("ginocchio dx e sx", "B"),
        ("Knie re", "R"),
        ("re Knie", "R"),
        ("Knie rechts und links", "B"),
        ("BILATERAL", "B"),
        ("beidseits", "B"),
        ("Knie bds", "B"),
        ("both knees", "B"),
        ("both phases", None),
        ("bilaterale", "B"),
        ("left breast, right breast", "B"),
        ("hip R/L", "B"),
        ("L5", None),
        ("L SPINE", None),
        ("KNEE L1", None),
        ("RE: follow-up", None),
        ("RE-SCAN abdomen", None),
        ("DX CHEST", None),
        ("DX KNEE", None),
        ("RT PLAN", None),
        ("CHEST RT", None),
        ("MRT der Hand", None),
        ("RODILLA SIN CONTRASTE", None),
        ("R>>L", None),
        ("left ventricle", None),
        ("left lateral decubitus", None),
        ("dell'anca", None),
        ("IRM de l'épaule", None),
        ("3D KNEE", None),
        ("", None),
    ],
)
def test_laterality_in_text(text, side):
    assert laterality_in_text(text) == side


def test_long_texts():
    for text in ("a" * 100_000, "Kopf " * 5_000, "ABCDEFGH knee left " * 2_000):
        assert len(regions_in_text(text)) <= len(text.split())


def test_only_paired_regions_have_a_side():
    (match,) = regions_in_text("LIVER LEFT LOBE")
    assert (match.region.paired, match.laterality) == (False, None)


def test_a_side_that_is_said_later_counts():
    assert in_text("Knee^right knee") == "KNEE:R"
    assert in_text("LEFT KNEE RIGHT KNEE") == "KNEE:L KNEE:R"


def test_check_digits_of_snomed_ct() -> None:
    """All codes of the table have theirs; no wrong digit and no swapped neighbours keep it."""
    for region in regions():
        value = region.code.value
        assert is_sct_concept(value)
        for i, digit in enumerate(value):
            others = set("0123456789") - {digit}
            assert not any(is_sct_concept(value[:i] + o + value[i + 1 :]) for o in others)
            swapped = value[:i] + value[i + 1 : i + 2] + digit + value[i + 2 :]
            assert swapped == value or not is_sct_concept(swapped)


@pytest.mark.parametrize("part", ["brain ", "left knee ", "T1_KopfHals", "LKNEE", "x", "/"])
def test_of_texts_without_end_the_beginning_is_read(part: str) -> None:
    """All of it would take hours: of a text of many regions, the square of its length."""
    text = part * 200_000
    for look in (regions_in_text, laterality_in_text, region_by_term):
        assert look(text) == look(text[:1000])


def test_codes_that_are_equal_are_not_unequal() -> None:
    one, other = Code("T-62000", "SRT", "Liver"), Code("10200004", "SCT", "Leber")
    assert one == other
    assert not one != other  # noqa: SIM202
    assert one != Code("78961009", "SCT", "Spleen")
    assert one != "Liver"
