"""Where a result comes from: which network, which weights, what software, with which options.

It goes into every result in the words of that result's format, and it decides the result's UIDs:
the same images, network and options give the same objects, so that a second run makes no second
copy in a PACS.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from IODeepLib import __version__
from IODeepLib.codes import Code

_LONGEST_ST, _LONGEST_LT = 1024, 10_240  # characters (PS3.5 section 6.2)
SOFTWARE = "IODeep"
SOFTWARE_VERSION = __version__

# No context group has a purpose for this; 99 begins a private scheme. (PS3.16 section 8.2)
NETWORK_PURPOSE = Code("NETWORK", "99IODEEP", "Trained network that this was made with")


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """One network of a model.

    Attributes:
        name: of the network.
        architecture_digest: of its architecture.
        weights_digest: of its weights, see the function `weights_digest`.
    """

    name: str
    architecture_digest: str
    weights_digest: str


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What became of a stage of a model.

    Attributes:
        name: of the stage.
        networks: the names of its networks.
        ran: whether it was run; it is not, where an earlier one found no place for it.
        volumes_ml: of each of its labels by name, before later stages painted over them; None where
            the size of a voxel is not known, or there are no labels.
    """

    name: str
    networks: tuple[str, ...]
    ran: bool
    volumes_ml: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a result.

    Attributes:
        title: of the network, for people.
        name, version: of the network.
        publisher: who answers for the network.
        model_uid: the same for all versions of the network.
        card_sop_instance_uid, card_series_instance_uid, card_study_instance_uid: where the card of
            this version is stored, a Raw Data instance.
        network_digest: of all of the network that ran: recipe, model card, architecture, weights.
        weights_digest: of its weights alone, see the function `weights_digest`.
        runtime: what computed, such as "onnxruntime 1.31.1".
        provider: the execution provider that really ran.
        options: what was asked for, as plain JSON values.
        notes: sentences on what a person should know of images, run and result.
        steps: sentences on what was done to the images, and how the network was run, in order.
        networks: where it has several.
        stages: what became of its stages, if it has any.
        trust: what the site made of the network's signatures, in one line.
    """

    title: str
    name: str
    version: str
    publisher: str
    model_uid: str
    card_sop_instance_uid: str
    card_series_instance_uid: str
    card_study_instance_uid: str
    network_digest: str
    weights_digest: str
    runtime: str
    provider: str
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    networks: tuple[NetworkRecord, ...] = ()
    stages: tuple[StageRecord, ...] = ()
    trust: str = ""

    @property
    def label(self) -> str:
        """Name and version, as the command line takes them."""
        return f"{self.name}@{self.version}"

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        software = {"software": SOFTWARE, "software_version": SOFTWARE_VERSION}
        values = {**asdict(self), "options": dict(self.options), "notes": list(self.notes)}
        values["steps"] = list(self.steps)
        for key in ("networks", "stages"):  # as plain JSON; of one network there is nothing to say
            values[key] = list(values[key])
            if not values[key]:
                del values[key]
        for stage in values.get("stages", ()):
            stage["networks"] = list(stage["networks"])
        return values | software

    def parameters(self) -> str:
        """What Algorithm Parameters (0066,0032) says: JSON, the keys in alphabetical order.

        Name, version and publisher have attributes of their own. Where all steps have no room, the
        last of those that have says how many there were.
        """
        values = {
            "card": self.card_sop_instance_uid,
            "model_uid": self.model_uid,
            "network_sha256": self.network_digest,
            "weights_sha256": self.weights_digest,
            "software": f"{SOFTWARE} {SOFTWARE_VERSION}",
            "runtime": self.runtime,
            "provider": self.provider,
            "options": dict(self.options),
        }
        for count in range(len(self.steps), -1, -1):
            steps = [*self.steps[:count], *_left_out(len(self.steps) - count)]
            said = values | ({"steps": steps} if steps else {})
            text = json.dumps(said, ensure_ascii=False, sort_keys=True)
            if len(text) <= _LONGEST_LT:
                break
        return text

    def derivation(self) -> str:
        """What Derivation Description (0008,2111) says, in sentences.

        The network, the notes and the steps; as many as it has room for, and how many it has not.
        """
        said = [f"Made by {self.title} ({self.label}) with {SOFTWARE} {SOFTWARE_VERSION}"]
        said += [*self.notes, *self.steps]
        sentences = [f"{one[:1].upper()}{one[1:].rstrip('.')}." for one in said]
        for count in range(len(sentences), 0, -1):
            text = " ".join((*sentences[:count], *_left_out(len(sentences) - count)))
            if len(text) <= _LONGEST_ST:
                return text
        return shortened(sentences[0], _LONGEST_ST)


def _left_out(count: int) -> list[str]:
    """A sentence on those that had no room."""
    return [f"And {count} more, which had no room here."] if count else []


def weights_digest(part_digests: Sequence[str]) -> str:
    """One digest for the weights of a model version.

    Args:
        part_digests: SHA-256 (lower case, hexadecimal) of every part's payload, by part number.

    Returns:
        The digest of the only part; of several parts, the SHA-256 of their digests, each followed
        by a line feed.
    """
    if len(part_digests) == 1:
        return part_digests[0]
    return hashlib.sha256("".join(f"{d}\n" for d in part_digests).encode()).hexdigest()


def shortened(text: str, longest: int) -> str:
    """`text` cut to `longest` characters, with an ellipsis of ASCII where it was cut."""
    return text if len(text) <= longest else text[: longest - 3].rstrip() + "..."
