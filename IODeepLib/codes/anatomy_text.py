"""Regions and sides in free text: protocol names, series and study descriptions.

The words are in `anatomy_words`. Text is cut into words at whatever is not a letter, and inside one
at the capitals ("T1_KopfHals"); the longest phrase that begins at a word wins.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from IODeepLib.codes import anatomy_table, anatomy_words
from IODeepLib.text.foreign import LONGEST_TEXT

# Two words written as one are told apart down to this length: "ABDPEL".
_SHORTEST_PART = 3
# Longer runs of letters are no words; cutting them up would take its time.
_LONGEST_WORD = 40
_NO_REGION = ""
_BETWEEN_WORDS = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True)
class TermMatch:
    """A region in a text: its term, the words as they stand there, and R, L or B if said."""

    term: str
    word: str
    side: str | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    text: str  # folded: no accents, no capitals
    start: int
    end: int
    alone: bool  # not beside a digit and no part of an abbreviation: "L5" and "d.p." say no side


@dataclass(frozen=True, slots=True)
class _Span:
    """The tokens from `first` up to `last` (not included) that name a region, or no region."""

    first: int
    last: int
    term: str


@dataclass(slots=True)
class _Vocabulary:
    phrases: dict[str, list[tuple[tuple[str, ...], str]]] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    single: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    strong: dict[str, str] = field(default_factory=dict)
    weak: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    def add(self, words: str, term: str) -> None:
        prefix = words.endswith("*")
        for spelling in _spellings(words.removesuffix("*")):
            phrase = _phrase(spelling)
            self._add_phrase(phrase, term)
            if len(phrase) > 1:
                self._add_phrase(("".join(phrase),), term)
            elif prefix:
                self.prefixes[phrase[0]] = term

    def _add_phrase(self, phrase: tuple[str, ...], term: str) -> None:
        entries = self.phrases.setdefault(phrase[0], [])
        for other, other_term in entries:
            if other == phrase and other_term != term:
                raise ValueError(f"{' '.join(phrase)!r} stands for {term} and {other_term}")
        entries.append((phrase, term))
        if len(entries) > 1:
            entries.sort(key=lambda entry: -len(entry[0]))
        self.known.update(phrase)
        if len(phrase) == 1:
            self.single[phrase[0]] = term


@functools.cache
def _vocabulary() -> _Vocabulary:
    result = _Vocabulary()
    for term, words in anatomy_table.lists(anatomy_table.read("anatomy_words.txt")):
        for word in words:
            result.add(word, term)
    for line in anatomy_words.NO_REGION.splitlines():
        for word in anatomy_table.names(line):
            result.add(word, _NO_REGION)
    for target, text in (
        (result.strong, anatomy_words.SIDES),
        (result.weak, anatomy_words.WEAK_SIDES),
        (result.after, anatomy_words.SIDES_AFTER),
    ):
        for side, words in anatomy_table.lists(text):
            target.update((_phrase(_fold(word))[0], side) for word in words)
        result.known.update(target)
    return result


def find(text: str) -> tuple[TermMatch, ...]:
    """The regions in `text`, in their order, each once a side."""
    text = unicodedata.normalize("NFC", text[:LONGEST_TEXT])
    tokens = _tokens(text)
    phrases = _spans(tokens)
    spans = _without_coils(tokens, _together(tokens, phrases))
    sides = _sides(tokens, spans, _inside(phrases))
    found = [
        TermMatch(span.term, text[tokens[span.first].start : tokens[span.last - 1].end], side)
        for span, side in zip(spans, sides, strict=True)
    ]
    result: dict[tuple[str, str | None], TermMatch] = {}
    for item in found:
        sided = next((x.side for x in found if x.term == item.term and x.side), None)
        if item.side is None and sided:  # "Knee^right knee": the side was said later
            item = replace(item, side=sided)
        result.setdefault((item.term, item.side), item)
    return tuple(result.values())


def find_side(text: str) -> str | None:
    """R, L or B: the side of the paired regions in `text`, or the one that it names at all."""
    sides = {found.side for found in find(text) if found.side}
    if not sides:
        tokens = _tokens(unicodedata.normalize("NFC", text[:LONGEST_TEXT]))
        sides = set(_named_sides(tokens, _inside(_spans(tokens))))
    return _side_of(sides)


def region_term(text: str) -> str | None:
    """The region that the whole of `text` names, such as "LUMBAR SPINE" or "Kopf"."""
    found = find(text)
    if len(found) != 1 or found[0].side:
        return None
    return found[0].term if _letters(found[0].word) == _letters(text) else None


# Words


def _fold(text: str) -> str:
    if text.isascii():  # as most is; the rest takes ten times as long
        return text.lower()
    text = text.replace("œ", "oe").replace("Œ", "Oe").replace("æ", "ae").replace("ø", "o")
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]", "", _fold(text))


def _spellings(words: str) -> set[str]:
    """With and without umlauts written as two letters."""
    if words.isascii():
        return {_fold(words)}
    umlauts = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
    return {_fold(words), _fold(words.translate(umlauts))}


@functools.cache
def _words(names: str) -> frozenset[str]:
    return frozenset(_fold(name) for name in anatomy_table.names(names))


def _phrase(folded: str) -> tuple[str, ...]:
    words = [word for word in _BETWEEN_WORDS.split(folded) if word]
    fillers = _words(anatomy_words.FILLERS)
    return tuple(w for w in words if w not in fillers) or tuple(words)


def _tokens(text: str) -> list[_Token]:
    return [
        token
        for run in re.finditer(r"[^\W\d_]+", text)
        for token in _tokens_of_run(text, run.start(), run.end())
        if token.text not in _words(anatomy_words.FILLERS)
        # an elided article: dell'anca, l'épaule, d'épaule
        and not (token.end - token.start == 1 and text[token.end : token.end + 1] in ("'", "’"))
    ]


def _tokens_of_run(text: str, start: int, end: int) -> Iterator[_Token]:
    """The run itself if it is a known word, else its parts."""
    digit = text[start - 1 : start].isdigit() or text[end : end + 1].isdigit()
    abbreviated = end - start == 1 and re.match(r"\.[^\W_]", text[end:])
    alone = not digit and not abbreviated
    run = text[start:end]
    parts = [run] if _fold(run) in _vocabulary().known else _at_capitals(run)
    if len(parts) == 1:
        parts = _parts(run)
    for part in parts:
        yield _Token(_fold(part), start, start + len(part), alone)
        start += len(part)


def _at_capitals(run: str) -> list[str]:
    """ "CTThoraxAbdomen" as CT, Thorax, Abdomen."""
    cuts = [0]
    for i in range(1, len(run)):
        after_small = run[i - 1].islower() and run[i].isupper()
        last_of_capitals = (
            run[i - 1].isupper() and run[i].isupper() and run[i + 1 : i + 2].islower()
        )
        if after_small or last_of_capitals:
            cuts.append(i)
    return [run[a:b] for a, b in zip(cuts, [*cuts[1:], len(run)], strict=True)]


def _parts(word: str) -> list[str]:
    """A word that is several known ones ("ABDPEL", "LKNEE") as these, else alone."""
    single, folded = _vocabulary().single, _fold(word)
    if folded in _vocabulary().known or len(folded) != len(word) or len(word) > _LONGEST_WORD:
        return [word]
    for side in ("RT", "LT", "R", "L"):
        rest = folded.removeprefix(side.lower())
        if word.startswith(side) and rest in _words(anatomy_words.AFTER_SIDE_LETTER):
            return [side, word[len(side) :]]
    for lengths in _cuts(len(word)):
        parts = [word[a:b] for a, b in pairwise(lengths)]
        # only what forms a union: German "Handlung" is neither hand nor lung
        if frozenset(single.get(_fold(part), "") for part in parts) in _unions():
            return parts
    return [word]


def _cuts(length: int) -> Iterator[tuple[int, ...]]:
    """The ways to cut a word of `length` letters into two or three parts."""
    for first in range(_SHORTEST_PART, length - _SHORTEST_PART + 1):
        yield 0, first, length
        for second in range(first + _SHORTEST_PART, length - _SHORTEST_PART + 1):
            yield 0, first, second, length


# Regions


def _spans(tokens: list[_Token]) -> list[_Span]:
    vocabulary, texts, result, i = _vocabulary(), [t.text for t in tokens], [], 0
    while i < len(tokens):
        last, term = i + 1, None
        for phrase, phrase_term in vocabulary.phrases.get(texts[i], ()):
            if tuple(texts[i : i + len(phrase)]) == phrase:
                last, term = i + len(phrase), phrase_term
                break
        else:
            term = _by_prefix(texts[i])
        if term is not None:
            result.append(_Span(i, last, term))
        i = last
    return result


def _by_prefix(text: str) -> str | None:
    if text in _vocabulary().known or text.endswith(("spule", "spulen")):
        return None
    prefixes = [prefix for prefix in _vocabulary().prefixes if text.startswith(prefix)]
    return _vocabulary().prefixes[max(prefixes, key=len)] if prefixes else None


@functools.cache
def _unions() -> dict[frozenset[str], str]:
    lists = anatomy_table.lists(anatomy_table.TOGETHER)
    return {frozenset(parts): term for term, parts in lists}


def _together(tokens: list[_Token], spans: list[_Span]) -> list[_Span]:
    """Neighbours that together are one region as one."""
    result, i = [], 0
    conjunctions = _words(anatomy_words.CONJUNCTIONS)
    most = max(map(len, _unions()))
    while i < len(spans):
        union, following = spans[i], i + 1
        for j in range(i + 1, min(i + most, len(spans))):
            between = tokens[spans[j - 1].last : spans[j].first]
            if any(token.text not in conjunctions for token in between):
                break
            term = _unions().get(frozenset(span.term for span in spans[i : j + 1]))
            if term:
                union, following = _Span(spans[i].first, spans[j].last, term), j + 1
        result.append(union)
        i = following
    return result


def _without_coils(tokens: list[_Token], spans: list[_Span]) -> list[_Span]:
    def text(i: int) -> str:
        return tokens[i].text if 0 <= i < len(tokens) else ""

    return [
        span
        for span in spans
        if span.term != _NO_REGION
        and text(span.last) not in _words(anatomy_words.COILS)
        and text(span.first - 1) not in _words(anatomy_words.COILS_BEFORE)
    ]


# Sides


def _side_of(sides: set[str]) -> str | None:
    return None if not sides else next(iter(sides)) if len(sides) == 1 else "B"


def _inside(spans: list[_Span]) -> set[int]:
    """Where the tokens of the phrases are: the left of "left atrium" is no side."""
    return {i for span in spans for i in range(span.first, span.last)}


def _named_sides(tokens: list[_Token], taken: set[int]) -> Iterator[str]:
    """Sides by words that cannot mean anything else, outside the phrases."""
    for i, token in enumerate(tokens):
        if i not in taken and token.text in _vocabulary().strong:
            yield _vocabulary().strong[token.text]


def _sides(tokens: list[_Token], spans: list[_Span], taken: set[int]) -> list[str | None]:
    """The side of each span: in it, beside it, or the only one in a text with one paired region."""
    result: list[str | None] = [None] * len(spans)
    rows = anatomy_table.rows()
    paired = [i for i, span in enumerate(spans) if rows[span.term].paired]
    used = set(taken)
    before_first = paired and _beside(tokens, spans[paired[0]].first - 1, -1, used)[0]
    for i in paired:
        own = {_vocabulary().strong.get(t.text) for t in tokens[spans[i].first : spans[i].last]}
        result[i] = _side_of({side for side in own if side})  # "main droite" is one phrase
        if result[i]:
            continue
        places = [(spans[i].first - 1, -1), (spans[i].last, 1)]
        for place, step in places if before_first else reversed(places):
            sides, steps = _beside(tokens, place, step, used)
            if sides:
                used.update(steps)
                result[i] = _side_of(sides)
                break
    if len({spans[i].term for i in paired}) == 1:
        i = paired[0]
        last = len(tokens) - 1
        if result[i] is None and last >= spans[i].last:  # "Knie a.p. re"
            result[i] = _side_of(_beside(tokens, last, 1, used)[0])
        if result[i] is None:
            result[i] = _side_of(set(_named_sides(tokens, taken)))
    return result


def _beside(
    tokens: list[_Token], place: int, step: int, used: set[int]
) -> tuple[set[str], list[int]]:
    """The sides said from `place` on, stepping away from the region, and where they stand."""
    vocabulary = _vocabulary()
    sides: set[str] = set()
    steps: list[int] = []
    while 0 <= place < len(tokens):
        token = tokens[place]
        side = vocabulary.strong.get(token.text)
        if side is None and token.alone:
            side = vocabulary.weak.get(token.text)
            if side is None and step > 0:
                side = vocabulary.after.get(token.text)
        if side is None or place in used:
            if not (sides and token.text in _words(anatomy_words.CONJUNCTIONS)):
                break
        else:
            sides.add(side)
            steps.append(place)
        place += step
    return sides, steps
