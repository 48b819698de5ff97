"""The parts of the page that are words: what to know, why this network, what it is, where from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.recipe import ModelCard
from IODeepLib.results.page.elements import Content, element, listed
from IODeepLib.results.page.figures import described, number, table
from IODeepLib.results.page.privacy import Privacy
from IODeepLib.series import Image
from IODeepLib.text.foreign import plain_lines
from IODeepLib.text.wording import counted

_VERDICTS = {
    "fits": "fits",
    "unknown": "not known",
    "fails": "does not fit",
    "any": "not required",
}
# What stands in `result.json` on the DICOM objects beside the page.
_OBJECTS = {
    "sop_instance_uid": "DICOM SEG",
    "sop_instance_uid_on_slices": "DICOM SEG on its slices",
    "sop_instance_uid_report": "DICOM SR",
    "sop_instance_uid_confidence": "DICOM Parametric Map of the confidence",
    "sop_instance_uid_occlusion": "DICOM Parametric Map of the occlusion",
}


def section(name: str, title: str, *content: Content, kind: str = "") -> Element:
    """A part of the page, with its heading."""
    heading = element("h2", title, id=f"{name}-title")
    return element(
        "section", heading, *content, kind=kind, id=name, aria_labelledby=f"{name}-title"
    )


def image_words(image: Image) -> str:
    """What kind of image it is, without a word on whose it is."""
    slices, spacing = image.slices.shape[0], image.slices.spacing
    sizes = ""
    if image.has_spacing:
        shown = [spacing[1], spacing[2], *([spacing[0]] if slices > 1 else [])]
        sizes = f"{' × '.join(f'{mm:.4g}' for mm in shown)} mm"
    parts = (
        image.modality,
        counted(slices, "slice"),
        f"{image.slices.shape[1]} × {image.slices.shape[2]} pixels",
        sizes,
        "slices corrected" if isinstance(image.slices, SliceStack) else "",
    )
    return " · ".join(filter(None, parts))


def notes(document: Mapping[str, Any], privacy: Privacy) -> Element | None:
    """What a person should know before all else; None where there is nothing."""
    said = []
    if document.get("empty"):
        said.append("Nothing was found.")
    found = [*document["reasons"], *document["trained_on"]]
    said += [_sentence(privacy.note(note, found)) for note in document["notes"]]
    left_out = document.get("left_out")
    if left_out:
        said.append(f"Left out, as asked: {', '.join(left_out)}.")
    if not said:
        return None
    return section("notes", "Please note", listed(said), kind="note")


def reasons(document: Mapping[str, Any], privacy: Privacy) -> Element:
    """Why this network was run on these images, and whether it was trained on such ones."""
    parts = [_reason_table("What it was selected by", "is for", document["reasons"], privacy)]
    if document["trained_on"]:
        caption = "What it was trained on, as its card says"
        parts.append(_reason_table(caption, "was trained on", document["trained_on"], privacy))
    return section("reasons", "Why this network", *parts)


def _reason_table(
    caption: str, asked: str, found: Sequence[Mapping[str, str]], privacy: Privacy
) -> Element:
    titles = ("Criterion", "Verdict", f"The network {asked}", "The images say", "Where")
    head = [element("th", title, scope="col") for title in titles]
    rows = []
    for reason in found:
        verdict = reason["verdict"]
        cells = [
            element("th", reason["criterion"], scope="row"),
            element("td", _VERDICTS.get(verdict, verdict), kind=verdict),
            element("td", reason["required"]),
            element("td", privacy.value(reason["attribute"], reason["found"])),
            element("td", element("code", reason["attribute"])),
        ]
        rows.append(element("tr", *cells, kind="any" if verdict == "any" else ""))
    return table(caption, head, rows)


def model_card(card: ModelCard) -> Element:
    """What its publisher says of the network."""

    def said() -> Iterator[tuple[str, Content]]:
        yield "Publisher", card.publisher
        yield "Intended use", _paragraphs(card.intended_use)
        yield "Out of scope", _paragraphs(card.out_of_scope)
        yield "Limitations", _paragraphs(card.limitations)
        yield "Training data", _paragraphs(card.training_data)
        yield "Authors", ", ".join(card.authors)
        yield "Citation", _paragraphs(card.citation)
        yield "License", card.licence
        yield "Contact", card.contact

    return section("card", "Model card", described(said()), _performance(card))


def _performance(card: ModelCard) -> Element | None:
    if not card.performance:
        return None
    titles = ("Data", "Label", "Measure", "Value")
    head = [element("th", title, scope="col") for title in titles]
    head[-1].set("class", "number")
    rows = [
        element(
            "tr",
            element("th", one.dataset, scope="row"),
            element("td", one.label),
            element("td", one.metric),
            element("td", number(one.value), kind="number"),
        )
        for one in card.performance
    ]
    return table("How well it did, as its publisher measured", head, rows)


def provenance(document: Mapping[str, Any], images: Sequence[Image], privacy: Privacy) -> Element:
    """From the images by way of the network to the objects that were made."""
    by = document["provenance"]

    def network() -> Iterator[tuple[str, Content]]:
        yield "Network", f"{by['name']}@{by['version']}"
        yield "Publisher", by["publisher"]
        yield "Signature", by["trust"]
        yield "Model UID", _code(by["model_uid"])
        yield "Card", _code(by["card_sop_instance_uid"])
        yield "SHA-256 of the network", _code(by["network_digest"])
        yield "SHA-256 of the weights", _code(by["weights_digest"])
        for one in by.get("networks", ()):
            digests = f"{one['architecture_digest']} {one['weights_digest']}"
            yield f"Network {one['name']}", _code(digests)

    def run() -> Iterator[tuple[str, Content]]:
        yield "Software", f"{by['software']} {by['software_version']}, {by['runtime']}"
        yield "Execution provider", by["provider"]
        yield "Options", _code(json.dumps(by["options"], ensure_ascii=False))
        yield "Started", time(document.get("started"))
        yield "Ended", time(document.get("ended"))
        for stage in by.get("stages", ()):
            ran = "ran" if stage["ran"] else "found no place to run"
            yield f"Stage {stage['name']}", f"{', '.join(stage['networks'])}: {ran}"

    def made() -> Iterator[tuple[str, Content]]:
        for key, name in _OBJECTS.items():
            if document.get(key):
                yield name, _code(document[key])

    parts: list[Content] = [element("h3", "Images"), _image_list(document, images)]
    parts += [element("h3", "Network"), described(network())]
    parts += [element("h3", "Run"), described(run())]
    if by["steps"]:
        steps = [_sentence(privacy(one)) for one in by["steps"]]
        parts += [element("h3", "What was done to the images"), listed(steps)]
    if any(document.get(key) for key in _OBJECTS):
        parts += [element("h3", "Objects"), described(made())]
    return section("provenance", "Where this comes from", *parts)


def _image_list(document: Mapping[str, Any], images: Sequence[Image]) -> Element:
    def said() -> Iterator[tuple[str, Content]]:
        for image in dict.fromkeys(images):
            yield image_words(image), _code(image.series_instance_uid)
        yield "Study", _code(document["study_instance_uid"])

    return described(said())


def time(said: str | None) -> Element | None:
    """A date and time of `result.json`, which are in UTC."""
    if said is None:
        return None
    shown = said.replace("T", " ").replace("+00:00", " UTC")
    return element("time", shown, datetime=said)


def _code(said: str) -> Element | None:
    return element("code", said) if said else None


def _paragraphs(said: str) -> Element | None:
    lines = [line for line in plain_lines(said).splitlines() if line.strip()]
    return element("div", *(element("p", line) for line in lines)) if lines else None


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:].rstrip('.')}."
