"""The table of anatomic regions (`anatomy_regions.txt`), and other names and codes of them.

Ours because selection has to know what lies in what: pydicom has names for codes and no tree of
them, and not all of Annex L of PS3.16.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

# Other terms that mean one of the regions above: second terms of Annex L for the same code, the
# fetal parts (Annex L gives them no code), and terms of older editions. ARM and LEG were upper arm
# and lower leg there, but scanners use them for any part of the limb: the wider region is safe.
SYNONYMS = """
CHEST = THORAX
BUTTOCK = GLUTEAL
HYPOGASTRIC = SUPRAPUBIC
HEART = ENDOCARDIAC
ESOPHAGUS = ENDOESOPHAGEAL
NASOPHARYNX = ENDONASOPHARYNYX, ENDONASOPHARYNX
RECTUM = ENDORECTAL
KIDNEY = ENDORENAL
URETER = ENDOURETERIC
URETHRA = ENDOURETHRAL
VAGINA = ENDOVAGINAL
BLADDER = ENDOVESICAL
VEIN = ENDOVENOUS
ARTERY = ENDOARTERIAL
FETUS = FETALARM, FETALDIGIT, FETALHEART, FETALLEG, FETALPOLE
UPPERLIMB = ARM
LOWERLIMB = LEG, LEGS
"""

# Codes that older editions of the standard gave to the same term, or that are in use for it:
# the chest wall side (51185008) and the cavity (43799004) of the thorax, the abdomen and pelvis
# before CP-1962 told cross-sectional anatomy apart, the spine junctions before CP-2166, the hip
# region beside the hip joint, the bladder cavity. SNOMED CT, then SNOMED RT.
FORMER_CODES = """
CHEST = 51185008, 43799004, T-D3000, T-D3200
ABDOMEN = 113345001, T-D4000
PELVIS = 12921003, 816989007, T-D6000
ABDOMENPELVIS = 416949008, 818987002, R-FAB57
PELVISLOWEXTREMT = 416631005, R-FAB58
CTSPINE = 297171002, T-D00F7
TLSPINE = 297172009, T-D00F8
LSSPINE = 297173004, T-D00F9
SACROCOCCYGEAL = 297174005, T-D00FA
DESCAORTA = 32672002, T-42400
NASOPHARYNX = 71836000, 18962004, T-23000, T-23050
HIP = 29836001, T-D2500
BLADDER = 48367006, T-74250
"""

# Neighbors in a text that are one region: "Thorax/Abdomen", "columna dorsolumbar".
TOGETHER = """
HEADNECK = HEAD, NECK
NECKCHEST = NECK, CHEST
NECKCHESTABDOMEN = NECK, CHEST, ABDOMEN
NECKCHESTABDPELV = NECK, CHEST, ABDOMEN, PELVIS
CHESTABDOMEN = CHEST, ABDOMEN
CHESTABDPELVIS = CHEST, ABDOMEN, PELVIS
ABDOMENPELVIS = ABDOMEN, PELVIS
PELVISLOWEXTREMT = PELVIS, LOWERLIMB
SPINE = CSPINE, TSPINE, LSPINE
CTSPINE = CSPINE, TSPINE
TLSPINE = TSPINE, LSPINE
LSSPINE = LSPINE, SSPINE
SACROCOCCYGEAL = SSPINE, COCCYX
RADIUSULNA = RADIUS, ULNA
TIBIAFIBULA = TIBIA, FIBULA
BLADDERURETHRA = BLADDER, URETHRA
TRACHEABRONCHUS = TRACHEA, BRONCHUS
PHARYNXLARYNX = PHARYNX, LARYNX
CSPINE = SPINE, CSPINE
CTSPINE = SPINE, CTSPINE
TSPINE = SPINE, TSPINE
TLSPINE = SPINE, TLSPINE
LSPINE = SPINE, LSPINE
LSSPINE = SPINE, LSSPINE
SACROCOCCYGEAL = SPINE, SACROCOCCYGEAL
"""


class Row(NamedTuple):
    """A line of the table."""

    term: str
    sct: str
    rt: str | None
    paired: bool
    meaning: str
    parents: tuple[str, ...]
    partly_in: tuple[str, ...]
    in_annex_l: bool


@functools.cache
def rows() -> dict[str, Row]:
    """The lines of the table by term, in their order."""
    result = {}
    for line in read("anatomy_regions.txt").splitlines():
        if not line or line.startswith("#"):
            continue
        name, sct, rt, side, meaning, places = (part.strip() for part in line.split("|"))
        parents, _, partly_in = places.partition("~")
        term = name.removesuffix("*")
        result[term] = Row(
            term,
            sct,
            None if rt == "-" else rt,
            side == "P",
            meaning,
            names(parents),
            names(partly_in),
            term == name,
        )
    return result


def read(name: str) -> str:
    """The text file `name` beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def lists(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Lines of the form `TERM = A, B` as pairs; a line that is indented goes on."""
    joined = text.replace("\n ", " ").splitlines()
    pairs = (line.split("=") for line in joined if line and not line.startswith("#"))
    return [(term.strip(), names(values)) for term, values in pairs]


def names(text: str) -> tuple[str, ...]:
    """What stands between commas or slashes."""
    parts = (" ".join(part.split()) for part in text.replace("/", ",").split(","))
    return tuple(part for part in parts if part)
