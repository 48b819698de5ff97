"""The demo network as several publish it: under a name and a version, signed or not."""

from __future__ import annotations

from pathlib import Path

from makers.certificates import Made
from makers.signed_objects import sign
from msgspec.structs import replace

import IODeepLib
from IODeepLib.model_object import Model, write_model
from IODeepLib.recipe import Recipe, read_recipe

DEMO = Path(IODeepLib.__file__).parent / "demo_data"
IMAGES = DEMO / "mr_t1"
MODEL_UID = "2.25.314159"


def recipe_of(name: str, version: str, model_uid: str = MODEL_UID) -> Recipe:
    """The recipe of the demo network, under another name."""
    demo = read_recipe(DEMO / "recipe.json")
    return replace(demo, name=name, version=version, model_uid=model_uid)


def publish(
    folder: Path,
    name: str = "brain",
    version: str = "1.2.0",
    by: Made | None = None,
    model_uid: str = MODEL_UID,
) -> Model:
    """Pack it into a new folder in `folder`, and sign it, if somebody does."""
    signer = by.x509.serial_number if by else ""
    place = folder / f"{name}-{version}-{signer}"
    model = write_model(DEMO / "demo_network.onnx", recipe_of(name, version, model_uid), place)
    if by is not None:
        keys = folder.parent / f"keys-{signer}"
        sign(sorted(place.iterdir()), keys, by)
    return model
