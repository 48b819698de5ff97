"""The radionuclides of PET (PS3.16 CID 4020) and their half-lives.

Half-lives are those of ENSDF as the National Nuclear Data Center gives them
(https://www.nndc.bnl.gov/nudat3), in seconds.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from IODeepLib.codes.sequences import code_sequence
from IODeepLib.headers import text

# Files have half-lives that are rounded (110 min), or from older tables (76.4 s for Rb-82).
HALF_LIFE_TOLERANCE = 0.05

# symbol, mass, name, half-life, codes: SNOMED CT or DCM, and SNOMED RT
_TABLE = """
C 11 Carbon 1221.8 40565003 C-105A1
N 13 Nitrogen 597.9 21576001 C-107A1
O 14 Oxygen 70.62 424875009 C-1018C
O 15 Oxygen 122.24 129504001 C-B1038
F 18 Fluorine 6586.2 77004003 C-111A1
Na 22 Sodium 8.21e7 71633006 C-155A1
K 38 Potassium 458.2 423764008 C-135A4
Sc 43 Scandium 14008 126605
Sc 44 Scandium 14551 126600
Ti 45 Titanium 11088 75696008 C-166A2
Mn 51 Manganese 2772 126601
Mn 52 Manganese 483060 37225000 C-149A1
Mn 52m Manganese 1266 126607
Fe 52 Iron 29790 69089000 C-130A1
Cu 60 Copper 1422 425364008 C-127A4
Cu 61 Copper 12020 71425003 C-127A1
Cu 62 Copper 580.4 422934004 C-127A5
Cu 64 Copper 45724 3932008 C-127A2
Zn 62 Zinc 33095 65054007 C-141A1
Ga 66 Gallium 34164 79477007 C-131A1
Ga 68 Gallium 4062.6 35337001 C-131A3
Ge 68 Germanium 2.341e7 53315004 C-128A2
As 70 Arsenic 3156 126602
As 72 Arsenic 93600 2705002 C-115A2
Se 73 Selenium 25740 87437000 C-116A2
Br 75 Bromine 5802 17910003 C-113A1
Br 76 Bromine 58320 79523006 C-113A2
Br 77 Bromine 205340 86521004 C-113A3
Rb 82 Rubidium 75.45 79197006 C-159A2
Y 86 Yttrium 53064 10738001 C-162A3
Y 90 Yttrium 230550 14691008 C-162A7
Zr 89 Zirconium 282280 63360001 C-168A4
Nb 90 Niobium 52560 126603
Tc 94m Technetium 3120 424079002 C-163AA
I 124 Iodine 360810 40937006 C-114A5
Tb 152 Terbium 63000 126606
"""

# Named without its nuclide more often than with it.
_FDG = re.compile(r"\bF-?DG\b|fluorodeoxyglucose|fludeoxyglucose", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Radionuclide:
    """One that PET is done with.

    Attributes:
        symbol: of its element.
        mass: its number, with "m" for a metastable state.
        name: of its element.
        half_life: seconds.
        codes: the values of its codes, in whatever scheme.
    """

    symbol: str
    mass: str
    name: str
    half_life: float
    codes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.symbol}-{self.mass}"

    def lasts(self, seconds: float) -> bool:
        """Whether `seconds` is its half-life."""
        return abs(seconds - self.half_life) <= HALF_LIFE_TOLERANCE * self.half_life


@functools.cache
def radionuclides() -> tuple[Radionuclide, ...]:
    """All of CID 4020."""
    rows = (line.split() for line in _TABLE.strip().splitlines())
    return tuple(
        Radionuclide(row[0], row[1], row[2], float(row[3]), tuple(row[4:])) for row in rows
    )


def named_in(given: Dataset) -> tuple[tuple[Radionuclide, str], ...]:
    """The nuclides that an item of Radiopharmaceutical Information names, each with where.

    By code, and by the words beside it: "^18^Fluorine", "F-18 FDG", "[68Ga]PSMA-11".
    """
    found: dict[Radionuclide, str] = {}
    for keyword in ("RadionuclideCodeSequence", "RadiopharmaceuticalCodeSequence"):
        for code in code_sequence(given, keyword):
            for nuclide in radionuclides():
                if code.value in nuclide.codes or _names(code.meaning, nuclide):
                    found.setdefault(nuclide, f"{keyword} {code.meaning}")
    drug = text(given, "Radiopharmaceutical")
    for nuclide in radionuclides():
        if _names(drug, nuclide):
            found.setdefault(nuclide, f"Radiopharmaceutical {drug}")
    return tuple(found.items())


def _names(words: str, nuclide: Radionuclide) -> bool:
    if str(nuclide) == "F-18" and _FDG.search(words):
        return True
    gap, mass = r"[\s^\[\]()-]{0,3}", nuclide.mass
    element = rf"(?:{nuclide.symbol}|{nuclide.name})"
    before = rf"(?<![A-Za-z\d]){mass}{gap}{element}(?![a-z])"
    after = rf"(?<![A-Za-z]){element}{gap}{mass}(?![\dm])"
    return re.search(f"{before}|{after}", words) is not None
