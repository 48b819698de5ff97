"""dataset.json: what the channels of the input and of the output are.

(nnunetv2/utilities/label_handling/label_handling.py)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.foreign_json import Foreign, take
from IODeepLib.text.records import Many

_NEXT = "take the dataset.json that lies beside plans.json after a training"
_MOST = 4096  # labels

# Names of channels that are DICOM modalities; what others are (T1, FLAIR, noNorm) is asked.
_MODALITIES = {"CT": "CT", "PET": "PT", "PT": "PT", "MR": "MR", "MRI": "MR"}


class _Described(Foreign):
    labels: dict[str, Any]
    channel_names: dict[str, Any] | None = None
    modality: dict[str, Any] | None = None
    regions_class_order: Many[int] | None = None
    name: str = ""
    description: str = ""
    reference: str = ""
    licence: str = ""
    license: str = ""
    numTraining: int | None = None  # noqa: N815 - nnU-Net's key


@dataclass(frozen=True)
class Dataset:
    """What a data set is of.

    Attributes:
        channels: names of the input's channels, in order.
        labels: (value, name) of what is found, in the order of the output's channels.
        trained_on: the values in training labels of each of them, more than one for a region.
        regions: whether each label is thresholded by itself and painted in this order.
        text: where the data come from, for people.
    """

    channels: tuple[str, ...]
    labels: tuple[tuple[int, str], ...]
    trained_on: tuple[tuple[int, ...], ...]
    regions: bool
    text: str

    @property
    def heads(self) -> int:
        """Channels of the output; without regions the background has one, too."""
        return len(self.labels) + (not self.regions)

    @property
    def values(self) -> tuple[int, ...]:
        """All values that training labels have, but for the background, rising."""
        return tuple(sorted({one for values in self.trained_on for one in values} - {0}))

    @property
    def modalities(self) -> tuple[str | None, ...]:
        """The DICOM modality of each channel, where its name is one."""
        return tuple(_MODALITIES.get(name.upper()) for name in self.channels)


def read_dataset(value: dict[str, Any]) -> Dataset:
    """The data set in the object of dataset.json.

    Raises:
        ModelError: it is not complete, or contradicts itself.
    """
    found = take(_Described, value, "dataset.json")
    channels = found.channel_names or found.modality or {}
    numbers = sorted(map(str, range(len(channels))))
    texts = all(isinstance(name, str) for name in channels.values())
    if sorted(channels) != numbers or not channels or not texts:
        raise _wrong(f"channel_names {str(channels)[:100]}", 'names for "0", "1", ...')
    values = _all_values(found)
    labels, regions = _labels(found, values)
    facts = [found.name, found.description]
    facts += [f"{found.numTraining} cases"] if found.numTraining else []
    facts += [found.reference]
    facts += [f"license of the data: {found.licence or found.license}"] * bool(
        found.licence or found.license
    )
    return Dataset(
        tuple(channels[str(i)].strip() or f"channel {i}" for i in range(len(channels))),
        labels,
        tuple(values[name] for _, name in labels),
        regions,
        "; ".join(re.sub(r"\s+", " ", fact).strip() for fact in facts if fact.strip()),
    )


def _all_values(found: _Described) -> dict[str, tuple[int, ...]]:
    """The values of each label but the one that is ignored: trained around, and never found."""
    if len(found.labels) > _MOST:
        raise _wrong(f"{len(found.labels)} labels", f"{_MOST} at most")
    if found.labels.get("background") not in (0, [0]):
        raise _wrong(
            "labels without 'background': 0",
            "names and their values, as nnU-Net's version 2 has them",
        )
    return {name: _values(name, v) for name, v in found.labels.items() if name != "ignore"}


def _labels(
    found: _Described, values: dict[str, tuple[int, ...]]
) -> tuple[tuple[tuple[int, str], ...], bool]:
    """Value and name of each channel of the output, and whether they are regions."""
    regions = any(len(value) > 1 for value in values.values())
    named = {name: value for name, value in values.items() if set(value) != {0}}
    if not named:
        raise _wrong("no label but the background", "something that is found")
    if regions:
        order = found.regions_class_order or ()
        if len(order) != len(named):
            raise _wrong(
                f"{len(order)} values in regions_class_order for {len(named)} regions",
                "one for each",
            )
        return tuple(zip(order, named, strict=True)), True
    one = {name: value[0] for name, value in named.items()}
    if sorted(one.values()) != list(range(1, len(one) + 1)):
        raise _wrong(
            f"the label values {sorted(one.values())[:20]}",
            f"1 to {len(one)}, each once: nnU-Net's networks give no others",
        )
    return tuple(sorted((value, name) for name, value in one.items())), False


def _values(name: str, value: Any) -> tuple[int, ...]:
    several = value if isinstance(value, list) else [value]
    if not several or not all(type(one) is int and 0 <= one < 2**16 for one in several):
        raise _wrong(f"the label {name!r}: {str(value)[:60]}", "a number from 0, or a list of them")
    return tuple(several)


def _wrong(found: str, wanted: str) -> ModelError:
    return ModelError(f"dataset.json: {found}", wanted, _NEXT)
