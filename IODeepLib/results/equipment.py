"""What made a result, as equipment: the network, and the software that it ran with."""

from __future__ import annotations

import re
from typing import Any

from IODeepLib.results.provenance import SOFTWARE, SOFTWARE_VERSION, Provenance, shortened
from IODeepLib.results.segments import LONGEST_LO

# The digests of the network in Contribution Description (0018,A003), as every object has them.
DIGESTS = re.compile(r"network_sha256 ([0-9a-f]{64}), weights_sha256 ([0-9a-f]{64})", re.ASCII)


def software_versions(provenance: Provenance) -> Any:
    """Software Versions (0018,1020): IODeep's and ONNX Runtime's."""
    return tuple(filter(None, (f"{SOFTWARE} {SOFTWARE_VERSION}", provenance.runtime)))


def network_equipment(provenance: Provenance, found: str, *, edited: bool = False) -> Any:
    """The network as contributing equipment, of highdicom. (PS3.3 section C.12.1.1.5)

    Args:
        provenance: what made the object.
        found: what of it the network found: "the segments".
        edited: whether people changed that.
    """
    import highdicom as hd
    from pydicom.sr.codedict import codes

    edited_words = " before they were edited by hand" if edited else ""
    digests = f"network_sha256 {provenance.network_digest}"
    digests += f", weights_sha256 {provenance.weights_digest}"
    return hd.ContributingEquipment(
        manufacturer=shortened(provenance.publisher, LONGEST_LO),
        purpose_of_reference=codes.DCM.ProcessingEquipment,
        manufacturer_model_name=shortened(provenance.title, LONGEST_LO),
        software_versions=provenance.label,
        device_serial_number=provenance.card_sop_instance_uid,
        contribution_description=f"Trained network that found {found}{edited_words}; {digests}",
    )
