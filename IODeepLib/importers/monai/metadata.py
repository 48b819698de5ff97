"""What a bundle's metadata.json says of its network, as parts of a recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.monai.config import shortened

# What bundles call the modality of their images.
_MODALITIES = {
    **dict.fromkeys(("CT", "MR", "MG", "US", "PT", "NM", "DX", "CR", "XA", "OCT", "OPT", "ES"), ""),
    "MRI": "MR",
    "PET": "PT",
    "MAMMOGRAM": "MG",
    "MAMMOGRAPHY": "MG",
    "ULTRASOUND": "US",
    "ENDOSCOPY": "ES",
}
_COLORS = {"r": "red", "g": "green", "b": "blue", "red": "red", "green": "green", "blue": "blue"}
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[A-Za-z0-9.-]+)?", re.ASCII)
_COPYRIGHT = re.compile(r"copyright|\(c\)|©|\b\d{4}(\s*-\s*\d{4})?,?", re.IGNORECASE)
_LICENCES = {
    "Apache License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD 3-Clause License": "BSD-3-Clause",
    "Attribution 4.0 International": "CC-BY-4.0",
    "Attribution-NonCommercial 4.0 International": "CC-BY-NC-4.0",
    "Attribution-NonCommercial-ShareAlike 4.0 International": "CC-BY-NC-SA-4.0",
}
_LONGEST_TITLE, _LONGEST_NAME = 64, 40
_MOST_CHANNELS = 4096


@dataclass(frozen=True, slots=True)
class Tensor:
    """What the metadata says of the network's input or output.

    Attributes:
        channels: how many; None where it does not say.
        names: of channels, by their number.
        modality: as DICOM has it; "" where it says none.
        kind: what it calls the data, such as "segmentation" or "classes".
    """

    channels: int | None = None
    names: dict[int, str] = field(default_factory=dict)
    modality: str = ""
    kind: str = ""

    @property
    def colors(self) -> tuple[str, ...]:
        """The color of each channel, where they are the colors of a picture; else ()."""
        found = tuple(_COLORS.get(self.names.get(i, "").lower(), "") for i in range(3))
        return found if self.channels == 3 and all(found) else ()


def tensor_of(metadata: dict[str, Any], side: str) -> Tensor:
    """What the metadata says of the first of the "inputs" or "outputs".

    Raises:
        ModelError: it is none of what MONAI's schema allows.
    """
    formats = metadata.get("network_data_format")
    every = formats.get(side) if isinstance(formats, dict) else None
    if not isinstance(every, dict) or not every:
        return Tensor()
    place = f"metadata.json: network_data_format.{side}"
    if len(every) > 1:
        raise ModelError(
            f"{place}: {', '.join(map(str, every))}",
            "one: a network that reads images alone",
            "import the network as ONNX ('iodeep import onnx')",
        )
    [one] = every.values()
    if not isinstance(one, dict):
        raise ModelError(f"{place} of another kind", "an object", "correct metadata.json")
    channels = one.get("num_channels")
    if type(channels) is not int or not 0 < channels <= _MOST_CHANNELS:
        channels = None
    modality = _text(one.get("modality")).upper()
    return Tensor(
        channels,
        _names(one.get("channel_def") or one.get("label_def")),
        _MODALITIES[modality] or modality if modality in _MODALITIES else "",
        _text(one.get("format")).lower(),
    )


def about(metadata: dict[str, Any], folder: str) -> dict[str, Any]:
    """Name, version and title of a recipe, as far as the metadata says them."""
    title = _text(metadata.get("name"))
    found = {"name": re.sub(r"[^A-Za-z0-9._]+", "-", title or folder)[:_LONGEST_NAME].strip("-")}
    found = {"name": found["name"].lower()} if found["name"] else {}
    version = _text(metadata.get("version"))
    if _VERSION.fullmatch(version) and len(version) <= 16:
        found["version"] = version
    if title and "\\" not in title:
        found["title"] = title[:_LONGEST_TITLE].strip()
    return found


def card(metadata: dict[str, Any], licence: str) -> dict[str, Any]:
    """The model card, as far as the metadata and the text of the license say it."""
    authors = _texts(metadata.get("authors"))
    owner = " ".join(_COPYRIGHT.sub(" ", _text(metadata.get("copyright"))).split()).strip(" ,.")
    publisher = owner or (authors[0] if len(authors) == 1 else "")
    spdx = next((id_ for words, id_ in _LICENCES.items() if words in licence[:400]), "")
    if len(publisher) > _LONGEST_TITLE or "\\" in publisher:
        publisher = ""
    dataset = _text(metadata.get("data_source"))
    found: dict[str, Any] = {
        "publisher": publisher,
        "intended_use": _text(metadata.get("intended_use")),
        "licence": spdx,
        "authors": authors,
        "training_data": dataset,
        "performance": _performance(metadata.get("eval_metrics"), dataset),
        "citation": "; ".join(_texts(metadata.get("references"))),
    }
    return {key: value for key, value in found.items() if value}


def _performance(metrics: Any, dataset: str) -> list[dict[str, Any]]:
    """Figures, and figures for each label."""
    found: list[dict[str, Any]] = []
    for metric, value in metrics.items() if isinstance(metrics, dict) else ():
        parts = value if isinstance(value, dict) else {"": value}
        for label, number in parts.items():
            if isinstance(number, (int, float)) and not isinstance(number, bool):
                one = {"dataset": dataset or "not said", "metric": str(metric), "value": number}
                found.append(one | ({"label": str(label)} if label else {}))
    return found


def _names(defined: Any) -> dict[int, str]:
    pairs = defined.items() if isinstance(defined, dict) else ()
    return {
        int(key): shortened(_text(value), _LONGEST_TITLE - 3)
        for key, value in pairs
        if str(key).isdecimal() and int(key) < _MOST_CHANNELS and _text(value)
    }


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [text for text in map(_text, items) if text]
