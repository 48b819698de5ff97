"""The words of a structure's name, whoever wrote it: "kidney_left", "Left kidney", "KidneyL"."""

from __future__ import annotations

import functools
import re

# Names that mean something only beside others of their set: LV is a ventricle of the heart beside
# RV and MYO (ACDC, M&Ms, MM-WHS), and else perhaps one of the brain. BraTS' whole tumor has the
# edema in it, which is no neoplasm; its core is one.
SETS = """
heart: LV = left ventricle, RV = right ventricle, LA = left atrium, RA = right atrium
heart: MYO = myocardium, AO = aorta, AA = ascending aorta, PA = pulmonary artery
heart: LVC = left ventricle, RVC = right ventricle, MLV = myocardium, LV myo = myocardium
heart: LV pool = left ventricle, RV pool = right ventricle
prostate: PZ = prostate peripheral zone, TZ = prostate transition zone
prostate: peripheral zone = prostate peripheral zone
prostate: transition zone = prostate transition zone
brain tumor: NCR = brain necrosis, necrosis = brain necrosis, necrotic core = brain necrosis
brain tumor: ED = brain edema, edema = brain edema, peritumoral edema = brain edema
brain tumor: ET = enhancing brain tumor, enhancing tumor = enhancing brain tumor
brain tumor: NET = non enhancing brain tumor, non enhancing tumor = non enhancing brain tumor
brain tumor: WT = brain lesion, whole tumor = brain lesion
brain tumor: TC = brain tumor core, tumor core = brain tumor core
brain tissue: GM = gray matter, WM = white matter, CSF = cerebrospinal fluid
abdomen: RK = right kidney, LK = left kidney, RAG = right adrenal gland, LAG = left adrenal gland
spine: C1 = vertebra C1, C2 = vertebra C2, C3 = vertebra C3, C4 = vertebra C4, C5 = vertebra C5
spine: C6 = vertebra C6, C7 = vertebra C7, T1 = vertebra T1, T2 = vertebra T2, T3 = vertebra T3
spine: T4 = vertebra T4, T5 = vertebra T5, T6 = vertebra T6, T7 = vertebra T7, T8 = vertebra T8
spine: T9 = vertebra T9, T10 = vertebra T10, T11 = vertebra T11, T12 = vertebra T12
spine: L1 = vertebra L1, L2 = vertebra L2, L3 = vertebra L3, L4 = vertebra L4, L5 = vertebra L5
"""

_SIDES = {"left": "left", "l": "left", "lt": "left", "lh": "left"}
_SIDES |= {"right": "right", "r": "right", "rt": "right", "rh": "right"}
_IDLE_WORDS = {"of", "the", "and", "structure"}
_SPELLINGS = {
    "tumour": "tumor",
    "oedema": "edema",
    "oesophagus": "esophagus",
    "haemorrhage": "hemorrhage",
    "haematoma": "hematoma",
    "grey": "gray",
    "coeliac": "celiac",
    "vertebrae": "vertebra",
    "metastases": "metastasis",
    "ventricular": "ventricle",
    "atrial": "atrium",
}


def side_and_rest(name: str) -> tuple[str | None, str]:
    """The side that `name` says, "left" or "right", and its other words: small letters, spaces.

    A name with two sides keeps them both.
    """
    words = _words(name)
    sides = [word for word in words if word in _SIDES]
    if len(sides) != 1:
        return None, " ".join(words)
    return _SIDES[sides[0]], " ".join(word for word in words if word != sides[0])


def key(name: str) -> str:
    """`name` with the side in front: what equal names have in common."""
    side, rest = side_and_rest(name)
    return f"{side} {rest}" if side else rest


def singulars(rest: str) -> list[str]:
    """What a plural may be of: "arteries", "sinuses", "kidneys"."""
    endings = (("ies", "y"), ("es", ""), ("s", ""))
    return [rest.removesuffix(a) + b for a, b in endings if rest.endswith(a)]


def _words(name: str) -> list[str]:
    # KidneyL, Segment4, rib_left_01; but L5 is one word.
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z]{3})(?=[0-9])", " ", name)
    words = re.findall(r"[^\W_]+", apart.casefold())
    plain = (word.lstrip("0") for word in words if word not in _IDLE_WORDS)
    return [_SPELLINGS.get(word, word) for word in plain if word]


@functools.cache
def sets() -> dict[str, dict[str, str]]:
    """Of each of `SETS`, what its names mean beside each other, by their keys."""
    result: dict[str, dict[str, str]] = {}
    for line in SETS.strip().splitlines():
        kind, _, pairs = line.partition(":")
        for pair in pairs.split(","):
            name, _, meaning = pair.partition("=")
            result.setdefault(kind, {})[key(name)] = meaning.strip()
    return result
