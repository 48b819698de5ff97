"""Labels, recipe and model card of a network, of which every digest is verified."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import console, show_signatures
from IODeepLib.errors import InputError
from IODeepLib.text.wording import counted

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.recipe import Recipe


def show_model(options: argparse.Namespace, model: Model) -> None:
    """All of one model, after it was verified.

    Raises:
        InputError: a signature is no good, after all was shown.
    """
    from IODeepLib.model_object import verify
    from IODeepLib.model_object.signatures import signatures_in
    from IODeepLib.recipe import recipe_to_json
    from IODeepLib.recipe.doubts import doubts

    with console.progress() as progress:
        verify(model, progress)
    recipe = model.card.recipe
    signatures = signatures_in(model)
    document = _summary(model) | {"warnings": doubts(recipe)}
    text = _text(document, recipe, show_signatures.facts(signatures, model.trust))
    document |= {"signatures": show_signatures.as_json(signatures)}
    document |= {"trust": None if model.trust is None else model.trust.as_json()}
    console.emit(options, document | {"recipe": json.loads(recipe_to_json(recipe))}, text)
    if wrong := show_signatures.broken(signatures):
        raise InputError(
            f"{model.label}, {wrong}",
            "an object as it was signed",
            "retrieve it again, or ask whoever signed it",
        )


def _summary(model: Model) -> dict[str, Any]:
    card = model.card
    return {
        "name": card.name,
        "version": card.version,
        "model_uid": card.model_uid,
        "study_instance_uid": card.study_instance_uid,
        "card_sop_instance_uid": card.sop_instance_uid,
        "parent_sop_instance_uid": card.parent_uid,
        "created": card.created.isoformat() if card.created else None,
        "network_sha256": card.network_digest,
        "networks": [
            {"name": network.name, "architecture_sha256": network.digest}
            for network in card.networks
        ],
        "parts": [
            {
                "sop_instance_uid": part.sop_instance_uid,
                "network": part.network,
                "bytes": part.length,
                "sha256": part.sha256,
            }
            for part in card.manifest.parts
        ],
        "described": card.described,
        "verified": True,  # verify() raises where it finds something
    }


def _text(document: dict[str, Any], recipe: Recipe, signatures: Iterable[tuple[str, str]]) -> str:
    applies, card = recipe.applies_to, recipe.card
    parts = counted(len(document["parts"]), "part")
    total = sum(part["bytes"] for part in document["parts"])
    facts = [
        ("title", recipe.title),
        ("task", recipe.task.value),
        ("modalities", ", ".join(applies.modalities)),
        ("anatomy", ", ".join(map(str, applies.anatomic_regions)) or "any"),
        ("conditions", ", ".join(map(str, applies.conditions)) or "any"),
        ("labels", ", ".join(f"{label.value} {label.name}" for label in recipe.labels)),
        ("stages", ", ".join(stage.name for stage in recipe.stages)),
        ("networks", ", ".join(network["name"] for network in document["networks"])),
        ("publisher", card.publisher),
        ("authors", ", ".join(card.authors)),
        ("licence", card.licence),
        ("intended use", card.intended_use),
        ("out of scope", card.out_of_scope),
        ("training data", card.training_data),
        ("trained on", "; ".join(card.trained_on.words()) if card.trained_on else ""),
        *(
            ("performance", f"{m.metric} {m.value:g} {m.label} on {m.dataset}".replace("  ", " "))
            for m in card.performance
        ),
        ("limitations", card.limitations),
        ("citation", card.citation),
        ("contact", card.contact),
        ("created", document["created"] or ""),
        ("model UID", document["model_uid"]),
        ("study UID", document["study_instance_uid"]),
        ("card UID", document["card_sop_instance_uid"]),
        ("SHA-256", document["network_sha256"]),
        (
            "unsignable",
            ""
            if document["described"]
            else "without digests in (0008,0300), as older versions of IODeep wrote it; pack it "
            "again under a new version to sign it",
        ),
        *(("odd", doubt) for doubt in document["warnings"]),
        (
            "weights",
            f"{parts}, {total / 1e6:.1f} MB; all digests verified",
        ),
        *signatures,
    ]
    lines = [f"{document['name']} {document['version']}"]
    lines += [f"  {key:<14}{value}" for key, value in facts if value]
    return "\n".join(lines)
