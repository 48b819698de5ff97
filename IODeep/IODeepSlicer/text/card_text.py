"""What people read of a card, in the panel and in the DICOM browser: pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.listed_series import ListedSeries, fitting
from IODeepSlicer.text.plain_text import html, tame

if TYPE_CHECKING:
    from IODeepLib.model_object import Card, Model
    from IODeepLib.recipe import ModelCard
    from IODeepLib.trust.verdict import Trust

# Licenses that forbid what many hospitals and companies do; "NC" as in CC-BY-NC-4.0.
_NON_COMMERCIAL = re.compile(
    r"non[- ]?commercial|(not for|no) commercial|\bNC\b|\bNCGL\b"
    r"|\b(research|academic|educational)( use| purposes?)? only",
    re.IGNORECASE,
)
_FEW, _SOME, _MANY = 3, 5, 12  # names in a table's cell, series in a tooltip, labels in one


def isNonCommercial(license: str) -> bool:
    """Whether a license, its SPDX identifier or its text, says that commerce may not use it."""
    return _NON_COMMERCIAL.search(license) is not None


def nodeName(card: Card) -> str:
    """Title and version."""
    return tame(f"{card.title} {card.version}")


def anatomy(card: Card) -> str:
    """Where in the body a model looks."""
    return ", ".join(code.meaning for code in card.regions) or _("anywhere")


def labels(card: Card) -> str:
    """What a model finds."""
    return ", ".join(_labelNames(card))


def fewLabels(card: Card) -> str:
    """What a model finds, as far as a table has room."""
    return _first(_labelNames(card), _FEW)


def missingWeights(count: int, missing: Sequence[int]) -> str:
    """Which of `count` parts of the weights, numbered from 1, are not here; "" if all are."""
    if not missing:
        return ""
    if len(missing) == count:
        return _("The weights are missing.")
    if len(missing) == 1:
        return _("Part {number} of the {count} parts of the weights is missing.").format(
            number=missing[0], count=count
        )
    return _("Parts {numbers} of the {count} parts of the weights are missing.").format(
        numbers=", ".join(map(str, missing)), count=count
    )


def missingSize(model: Model) -> str:
    """How much of a model's weights is not here, such as "12.3 MB"."""
    parts = model.card.manifest.parts
    return megabytes(sum(parts[number - 1].length for number in model.missing_parts))


def cardHtml(model: Model) -> str:
    """Everything that a person should know before the first run, for the panel."""
    card = model.card
    rows = "".join(
        f"<tr><td><b>{html(name)}</b>&nbsp;</td><td>{_marked(name, text)}</td></tr>"
        for name, text in (*_signed(model.trust), *_rows(card))
    )
    heading = _("{title}, version {version}").format(title=card.title, version=card.version)
    return f"<b>{html(heading)}</b><table cellpadding='2'>{rows}</table>"


def description(card: Card) -> str:
    """What `cardHtml` shows as plain text, for the text of a model's node."""
    heading = _("{title}, version {version}").format(title=card.title, version=card.version)
    rows = "\n".join(f"{name}: {text}" for name, text in _rows(card))
    return tame(f"{heading}\n\n{rows}") + "\n"


def tooltip(
    card: Card, cardBytes: int, missingParts: Sequence[int], listed: Sequence[ListedSeries]
) -> str:
    """Everything that helps to choose a card in the DICOM browser, line by line.

    Args:
        card: the card.
        cardBytes: size of its file.
        missingParts: numbers of the weights parts that are not in the database.
        listed: the image series that are loaded or listed beside it.
    """
    parts = card.manifest.parts
    size = megabytes(cardBytes + sum(part.length for part in parts))
    lines = [
        card.title,
        _("Model: {name}, version {version}").format(name=card.name, version=card.version),
        _("Task: {task}").format(task=card.task.value.lower()),
        _("Modality: {modalities}").format(modalities=", ".join(card.modalities)),
        _("Anatomy: {anatomy}").format(anatomy=anatomy(card)),
        _("Labels: {labels}").format(labels=_first(_labelNames(card), _MANY)),
        _("Size: {size}").format(size=size),
        _("License: {license}").format(license=card.recipe.card.licence),
    ]
    missing = missingWeights(len(parts), missingParts)
    retrieve = _("Retrieve the model's study.")
    lines.append(f"{missing} {retrieve}" if missing else _("Weights: present"))
    if listed:
        fits = fitting(card, listed)
        names = [_("{series} (loaded)").format(series=s.name) if s.loaded else s.name for s in fits]
        lines.append(
            _("Fits by modality and anatomy: {series}").format(series=_first(names, _SOME))
            if names
            else _("Fits none of these images by modality and anatomy.")
        )
    return "\n".join(lines)


def attributes(card: Card) -> dict[str, str]:
    """What a model node holds, by the name of the node's attribute."""
    return {
        "IODeep.CardSOPInstanceUID": card.sop_instance_uid,
        "IODeep.ModelUID": card.model_uid,
        "IODeep.Name": card.name,
        "IODeep.Version": card.version,
        "IODeep.Title": card.title,
        "IODeep.Task": card.task.value,
        "IODeep.Modalities": ", ".join(card.modalities),
        "IODeep.Anatomy": ", ".join(code.meaning for code in card.regions),
        "IODeep.Labels": ", ".join(_labelNames(card)),
        "IODeep.License": card.recipe.card.licence,
    }


def _rows(card: Card) -> list[tuple[str, str]]:
    """(name, text) of all that is known; the first ones are what matters most."""
    about = card.recipe.card
    rows = (
        (_("Intended use"), about.intended_use),
        (_("Not for"), about.out_of_scope),
        (_("License"), about.licence),
        (_("Finds"), labels(card)),
        (_("Modality"), ", ".join(card.modalities)),
        (_("Anatomy"), anatomy(card)),
        (_("Limitations"), about.limitations),
        (_("Performance"), _performance(about)),
        (_("Training data"), about.training_data),
        (_("Trained on"), "; ".join(about.trained_on.words()) if about.trained_on else ""),
        (_("Publisher, as it says"), about.publisher),
        (_("Authors"), ", ".join(about.authors)),
        (_("Citation"), about.citation),
        (_("Contact"), about.contact),
    )
    return [(name, text) for name, text in rows if text]


def _signed(trust: Trust | None) -> list[tuple[str, str]]:
    """(name, text) of who signed it, as far as that is proved."""
    who = trust.publisher if trust is not None else None
    if trust is None or who is None:
        return []
    name = who.name if trust.is_trusted else _("not a trusted one")
    return [
        (_("Publisher, as proved"), name),
        (_("Signed by"), who.subject),
        (_("Certificate valid until"), f"{who.ends:%Y-%m-%d}"),
    ]


def _marked(name: str, text: str) -> str:
    """`text` as HTML; a license that forbids commerce stands out."""
    if name == _("License") and isNonCommercial(text):
        warning = html(_("Not for commercial use."))
        return f"<font color='{RED}'><b>{warning}</b></font> {html(text)}"
    return html(text)


def _performance(about: ModelCard) -> str:
    return "\n".join(
        f"{' '.join(filter(None, (item.metric, item.label)))}: {item.value:g} ({item.dataset})"
        for item in about.performance
    )


def megabytes(count: int) -> str:
    """Bytes, such as "12.3 MB"."""
    return _("{size:.1f} MB").format(size=count / 2**20)


def _labelNames(card: Card) -> list[str]:
    return [label.name for label in card.recipe.labels]


def _first(names: Sequence[str], limit: int) -> str:
    more = len(names) - limit
    if more <= 0:
        return ", ".join(names)
    return _("{names} and {count} more").format(names=", ".join(names[:limit]), count=more)
