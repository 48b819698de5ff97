"""A model as DICOM instances: a card and its weights, written, read, verified and unpacked.

Docs/conformance.md describes the instances.
"""

from IODeepLib.model_object.architecture import read_architecture
from IODeepLib.model_object.card import Card, read_card, same_content
from IODeepLib.model_object.instance import NotAnInstanceError
from IODeepLib.model_object.manifest import Manifest, Part
from IODeepLib.model_object.model import Model, join
from IODeepLib.model_object.networks import Network
from IODeepLib.model_object.packing import MAX_PART_BYTES, OnnxPaths, write_model
from IODeepLib.model_object.unpacking import unpack
from IODeepLib.model_object.verification import verify
from IODeepLib.model_object.weights import Weights, read_weights

__all__ = [
    "MAX_PART_BYTES",
    "Card",
    "Manifest",
    "Model",
    "Network",
    "NotAnInstanceError",
    "OnnxPaths",
    "Part",
    "Weights",
    "join",
    "read_architecture",
    "read_card",
    "read_weights",
    "same_content",
    "unpack",
    "verify",
    "write_model",
]
