"""The contrasts that a text names: MR weightings, and the phases after a contrast agent was given.

Words of scanner protocols and of descriptions in English, German, French, Italian and Spanish.
Some names take others in: "T2 FLAIR" is FLAIR, "ep2d_diff ... ADC" is ADC, "t2_fl2d_hemo" is T2*;
where they are listed ("T2/FLAIR", "DWI + ADC") each one counts. Post-contrast T1 is a contrast of
its own.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from IODeepLib.text.foreign import LONGEST_TEXT

T1, T1_ENHANCED = "T1", "T1CE"

# Where a weighting may begin: not within a word or number, but for "3DT1", "AXT2", "SAGT1", "ST1W".
_BEGIN = r"(?:(?<![a-z0-9])(?:[se](?=t[12]w))?|(?<=[23]d)|(?<=ax)|(?<=sag)|(?<=cor)|(?<=tra))"


def _word(pattern: str) -> str:
    """`pattern` as a whole word; digits may stand beside it."""
    return rf"(?<![a-z])(?:{pattern})(?![a-z])"


# Names of contrasts, in folded text.
_NAMES = {
    T1: rf"{_BEGIN}t1(?!\d)(?: ?w(?:e?ighted|i)?(?![a-z]))?",
    "T2": rf"{_BEGIN}t2(?!\d)(?! ?(?:\*|star|stern|stella|etoile|estrella))"
    r"(?: ?w(?:e?ighted|i)?(?![a-z]))?",
    "T2*": rf"{_BEGIN}t2 ?(?:\*|star|stern|stella|etoile|estrella)(?: ?w(?![a-z]))?",
    "FLAIR": r"flair|dark ?-?fluid|fluid[ -]attenuated",
    "STIR": r"(?<![a-z])stir",
    "PD": rf"{_BEGIN}pd(?=w|fs|tse|fse|spair|spir|[^a-z]|$)w?|(?<![a-z0-9])dp(?![a-z0-9.])"
    r"|proton ?-?densit\w*|protone?n?-?dicht\w*|densita protonic\w*|densite (?:de )?proton\w*"
    r"|densidad (?:de )?proton\w*",
    "DWI": rf"dwi|{_word('dw|diff')}|diffus\w*|difus\w*|(?<![a-z])tracew?(?![a-z])"
    r"|(?<![a-z0-9])b ?=? ?\d{3,4}(?!\d)",
    "ADC": rf"{_word('d?adc')}|apparent diffus\w*|diffusionskoeff\w*"
    r"|coeff?i\w* (?:de |di )?diff?us\w*",
    "EADC": _word("eadc|exponential adc"),
    "DTI": r"(?<![a-z])dti|tensor",
    "SWI": rf"{_word('swip?|swan')}|\(sw\)|suscept\w*|suszept\w*|suscett\w*",
    "TOF": rf"{_word('tof')}|time[ -]of[ -]flight",
    "BOLD": r"(?<![a-z])bold|f ?mri(?![a-z])",
    "ASL": rf"{_word('p?c?asl')}|spin label\w*",
    "PERFUSION": rf"perf(?:us\w*)?(?![a-z])|{_word('dsc|dce|pwi')}",
    "T1 MAP": rf"{_BEGIN}t1 ?-?map\w*|map\w* (?:of |de |di |del )?t1|{_word('molli')}",
    "T2 MAP": rf"{_BEGIN}t2 ?\*? ?-?map\w*|map\w* (?:of |de |di |del )?t2",
    "DIR": r"(?<![a-z0-9])dir(?![a-z])|double inversion",
    "PSIR": r"(?<![a-z])psir",
    "BSSFP": rf"fiesta|{_word('ciss|b-?ffe')}|tru(?:e ?)?fi(?:sp)?(?![a-z])|b-?ssfp",
}
# Sequences that have one contrast, whether it is named or not.
_SEQUENCES = {
    T1: rf"mp2?-?rage|{_word('bravo|f?spgr|vibe|lava|e?thrive|mdeft')}",
    "T2": _word("haste|ssfse"),
    "T2*": rf"{_word('medic|merge|ha?emo')}|t2.{{0,3}}(?:gre|ffe|fl2d)"
    rf"|{_word('gre|ffe')}.{{0,3}}t2",
    # Turbo inversion recovery magnitude is either, by its inversion time.
    "FLAIR": _word("tirm"),
    "STIR": _word("tirm"),
}
# What the name on the right takes in.
_PART_OF = {
    "T1 MAP": (T1,),
    "T2 MAP": ("T2", "T2*"),
    "FLAIR": ("T2", "STIR"),
    "STIR": ("T2",),
    "ADC": ("DWI",),
    "EADC": ("DWI", "ADC"),
    "DTI": ("DWI",),
    "T2*": ("T2",),
    "SWI": ("T2*", "T2"),
    "BOLD": ("T2*",),
    "DIR": ("T2", "FLAIR"),
    "PSIR": (T1,),
    "BSSFP": ("T2", T1),
}
_LISTED = re.compile(r"[/+,&;]|(?<![a-z])(?:and|und|et|e|ed|y|u|or|oder|plus)(?![a-z])")

# Contrast agents. "post" is no agent in "post op", and "C" none in "T1 C-spine".
_AGENT = (
    r"(?<![a-z])(?:gd|gad(?:o\w*)?|km|mdc|kontrast\w*|contrast\w*|inj(?:e[ck]t\w*|ection)?"
    rf"|iniezione|inyec\w*|enhanced)(?![a-z])|{_word('ce')}|(?<=t1)c(?![a-z])"
    r"|(?<![a-z])c ?\+|\+ ?c(?![a-z]| ?-?sp)"
)
_AFTER = rf"{_AGENT}|{_word('post(?! ?-?(?:op|proc|treat|tx|rt|bx|biop))')}|postcontrast"
_WITH, _AND = "with|w|mit|con|avec", "and|und|e|et|y"
_NOT = "without|w/o|wo|ohne|senza|sans"
_BOTH = re.compile(
    rf"(?<![a-z])(?:{_WITH}) ?(?:{_AND}|[&/]) ?(?:{_NOT}|sin)(?![a-z])"
    rf"|(?<![a-z])pre ?(?:[/&+-]|{_AND}) ?post"
)
_WITHOUT = re.compile(
    rf"(?<![a-z])(?:{_NOT}|no|non|sin|vor|avant|prima|antes|pre)[ -]*"
    rf"(?:de |del |di |d'|i\.?v\.? )?(?:{_AGENT})"
    rf"|(?<![a-z])(?:{_NOT}|pre|nativ\w*|unenhanced|basal\w*|precontrast)(?![a-z])"
    r"|(?<![a-z])c ?-(?![\w-])|(?<![\w-])- ?c(?![\w-])"
)
_AFTER_AGENT = re.compile(_AFTER)

PHASES = {
    "NATIVE": _WITHOUT.pattern,
    "ARTERIAL": _word("arteri\\w*|art"),
    "VENOUS": _word("(?:porto? ?-?)?ven(?:ous|oes|os|ose|osa|oso|eux|euse|enphase)?|portal\\w*|pv"),
    "DELAYED": _word("delay\\w*|late|spat\\w*|tardi\\w*|equilib\\w*|excret\\w*|nephrogra\\w*"),
}

_Pattern = tuple[str, re.Pattern[str]]
_named = [(name, re.compile(pattern)) for name, pattern in _NAMES.items()]
_sequences = [(name, re.compile(pattern)) for name, pattern in _SEQUENCES.items()]
_phases = [(name, re.compile(pattern)) for name, pattern in PHASES.items()]


@functools.lru_cache(maxsize=10_000)
def weightings(text: str) -> frozenset[str]:
    """The MR contrasts that `text` names, such as {"T1"} for "t1_mprage_sag" or {"T1CE"}."""
    folded = _folded(text)
    found = _matches(folded, _named + _sequences)
    taken_in = {
        name
        for name, start, end in found
        for whole, whole_start, whole_end in found
        if name in _PART_OF.get(whole, ())
        and (start, end) != (whole_start, whole_end)
        and not _LISTED.search(folded[min(end, whole_end) : max(start, whole_start)])
    }
    named = {name for name, _, _ in found} - taken_in
    if T1 in named:
        named = named - {T1} | _enhanced(folded)
    return frozenset(named)


@functools.lru_cache(maxsize=10_000)
def phases(text: str) -> frozenset[str]:
    """The phases of a contrast agent that `text` names: NATIVE, ARTERIAL, VENOUS, DELAYED."""
    return frozenset(name for name, _, _ in _matches(_folded(text), _phases))


def says_agent(text: str) -> bool:
    """Whether `text` says that a contrast agent was given or not."""
    folded = _folded(text)
    return any(p.search(folded) is not None for p in (_BOTH, _WITHOUT, _AFTER_AGENT))


def is_name(word: str) -> bool:
    """Whether `word` is the name of contrasts and nothing besides: "T2w", "T1 Gd", not "T1 3D"."""
    folded = _folded(word)
    for patterns in (_named, _phases):
        if not _matches(folded, patterns):
            continue
        rest = folded
        for pattern in (_BOTH, _WITHOUT, _AFTER_AGENT, *(p for _, p in patterns)):
            rest = pattern.sub(" ", rest)
        if not re.search(r"[a-z0-9]", re.sub(_word("weighted|phase|image|map"), " ", rest)):
            return True
    return False


def _matches(folded: str, patterns: list[_Pattern]) -> list[tuple[str, int, int]]:
    return [
        (name, match.start(), match.end())
        for name, pattern in patterns
        for match in pattern.finditer(folded)
    ]


def _enhanced(folded: str) -> set[str]:
    """Which of T1 before and after a contrast agent a text on T1 means; before, if it says none."""
    if _BOTH.search(folded):
        return {T1, T1_ENHANCED}
    rest, without = _WITHOUT.subn(" ", folded)
    if not _AFTER_AGENT.search(rest):
        return {T1}
    return {T1, T1_ENHANCED} if without else {T1_ENHANCED}


def _folded(text: str) -> str:
    """Without capitals and accents, and with a space where "AxT2" and "t1_se" have none."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text[:LONGEST_TEXT])
    decomposed = unicodedata.normalize("NFKD", apart.casefold())
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return re.sub(r"[\s_]+", " ", plain)
