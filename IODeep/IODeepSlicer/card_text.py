"""What the panel says about images and models, as rich text: pure functions."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IODeepLib.criteria import Reason
    from IODeepLib.model_object import Model
    from IODeepLib.selection import Candidate
    from IODeepLib.series import VolumeImage

# Licences that forbid what many hospitals and companies do.
_NON_COMMERCIAL = re.compile(
    r"non[- ]?commercial|\bNC\b|\bby-nc|research (use )?only|academic (use )?only", re.IGNORECASE
)
_MOST_NAMES = 3
GREEN, AMBER, RED, GREY = "#2e9e4f", "#d08700", "#c0392b", "#7f8c8d"
_COLOUR = {"fits": GREEN, "unknown": AMBER, "fails": RED, "any": GREY}
_WORD = {"fits": "yes", "unknown": "not known", "fails": "no", "any": "any"}


def isNonCommercial(licence: str) -> bool:
    """Whether a licence text says that commercial use is not allowed."""
    return _NON_COMMERCIAL.search(licence) is not None


def fitText(candidate: Candidate) -> tuple[str, str]:
    """(badge, colour): whether a model fits, in two or three words."""
    if not candidate.fits:
        return "no fit", RED
    if candidate.model.missing_parts:
        return "weights missing", RED
    if any(reason.verdict == "unknown" for reason in candidate.reasons):
        return "may fit", AMBER
    return "fits", GREEN


def reasonsTable(candidate: Candidate) -> str:
    """Every criterion that the model has, those that speak against it first."""
    order = ["fails", "unknown", "fits", "any"]
    asked = sorted(candidate.reasons, key=lambda reason: order.index(reason.verdict))
    rows = "".join(_reasonRow(reason) for reason in asked if reason.verdict != "any")
    return (
        f"<b>{escape(candidate.model.label)}</b>"
        "<table cellpadding='3'><tr><th></th><th align='left'>criterion</th>"
        "<th align='left'>the model needs</th><th align='left'>the image has</th>"
        f"<th align='left'>found in</th></tr>{rows}</table>"
    )


def _reasonRow(reason: Reason) -> str:
    cells = (reason.criterion, reason.required, reason.found, reason.attribute)
    word = f"<td><font color='{_COLOUR[reason.verdict]}'><b>{_WORD[reason.verdict]}</b></font></td>"
    return f"<tr>{word}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def whyItDoesNotFit(candidate: Candidate) -> str:
    """The first thing that speaks against a model, in one line."""
    for reason in candidate.reasons:
        if reason.verdict == "fails":
            return f"needs {reason.criterion} {reason.required}; the image has {reason.found}"
    return ""


def anatomyText(model: Model) -> str:
    """Where in the body a model looks."""
    return ", ".join(code.meaning for code in model.card.regions) or "anywhere"


def labelsText(model: Model) -> str:
    """What a model finds."""
    return ", ".join(label.name for label in model.card.recipe.output.labels)


def shortLabelsText(model: Model) -> str:
    """What a model finds, as far as a table has room."""
    names = [label.name for label in model.card.recipe.output.labels]
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def modelCard(model: Model) -> str:
    """Everything that a person should know before the first run."""
    card, about = model.card, model.card.recipe.card
    performance = "<br>".join(
        f"{escape(' '.join(filter(None, (item.metric, item.label))))}: {item.value:g}"
        f" ({escape(item.dataset)})"
        for item in about.performance
    )
    licence = escape(about.licence)
    if isNonCommercial(about.licence):
        licence = f"<font color='{RED}'><b>Not for commercial use.</b></font> {licence}"
    rows = (
        ("Intended use", escape(about.intended_use)),
        ("Not for", escape(about.out_of_scope)),
        ("Finds", escape(labelsText(model))),
        ("Reads", escape(f"{', '.join(card.modalities)}: {anatomyText(model)}")),
        ("Licence", licence),
        ("Limitations", escape(about.limitations)),
        ("Performance", performance),
        ("Training data", escape(about.training_data)),
        ("Publisher", escape(", ".join(dict.fromkeys((about.publisher, *about.authors))))),
        ("Citation", escape(about.citation)),
        ("Contact", escape(about.contact)),
    )
    body = "".join(
        f"<tr><td><b>{name}</b>&nbsp;</td><td>{value}</td></tr>" for name, value in rows if value
    )
    return (
        f"<b>{escape(card.title)}</b> &nbsp; version {escape(card.version)}"
        f"<table cellpadding='2'>{body}</table>"
    )


def imageText(image: VolumeImage) -> str:
    """What is known of an image, for the panel."""
    from IODeepLib.criteria import found_regions

    regions = next(found_regions(image), None)
    anatomy = " and ".join(region.code.meaning for region in regions[0]) if regions else ""
    between, row, column = image.grid.spacing
    series = image.description or "without description"
    if not image.series_instance_uid:
        series = "not from the DICOM database"
    rows = [
        ("Modality", image.modality or "not known"),
        ("Anatomy", f"{anatomy} (from {regions[1]})" if regions else "not known"),
        ("Series", series),
        (
            "Voxels",
            f"{' × '.join(map(str, image.grid.shape[::-1]))} of "
            f"{column:.3g} × {row:.3g} × {between:.3g} mm",
        ),
    ]
    if image.geometry_fault:
        rows.append(("Geometry", image.geometry_fault))
    rows += [("Note", problem) for problem in image.problems if problem != image.geometry_fault]
    return (
        "<table cellpadding='1'>"
        + "".join(
            f"<tr><td><b>{name}</b>&nbsp;&nbsp;</td><td>{escape(v)}</td></tr>" for name, v in rows
        )
        + "</table>"
    )


def timeLeft(seconds: float | None) -> str:
    """A remaining time for people, "" while nothing is known of it."""
    if seconds is None:
        return ""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 60:
        return f"about {round(seconds / 5) * 5} s left"
    return f"about {round(seconds / 60)} min left"
