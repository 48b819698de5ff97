"""Objects as the first IODeep program wrote them; without more, those made here hold no weights.

After create_AI_IOD.py (github.com/CHILab1/IODeep); our own code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, RawDataStorage, generate_uid

NAME = "unet_mri"
ARCHITECTURE = "{'input_shape': {'input_shape0': 1}}"


def write(
    path: Path,
    syntax: str = ImplicitVRLittleEndian,
    *,
    architecture: str | None = ARCHITECTURE,
    weights: str = "AAAA",
    **attributes: Any,
) -> str:
    """Write one to `path`; return the UID that it is, and that its series and study have too.

    Args:
        path: the new file.
        syntax: transfer syntax.
        architecture: as the object has it; None for none.
        weights: in base64.
        attributes: in the place of those that the program writes.
    """
    uid = generate_uid()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = RawDataStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = dataset.SOPInstanceUID = uid
    dataset.StudyInstanceUID = dataset.SeriesInstanceUID = uid
    dataset.Modality, dataset.BodyPartExamined = "MR", "HEAD"
    dataset.PatientName = dataset.PatientID = ""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = 224
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    if architecture is not None:
        dataset.add_new(0x00170016, "UT", architecture)
    dataset.add_new(0x00170018, "UT", weights)
    dataset.add_new(0x00170020, "ST", NAME)
    dataset.add_new(0x00170022, "UI", uid)
    dataset.save_as(path, enforce_file_format=True)
    return uid


def unet(
    channels: int = 1,
    width: int = 8,
    depth: int = 2,
    outputs: int = 1,
    size: tuple[int, int] = (32, 48),
) -> dict[str, Any]:
    """The description of a small U-Net in the words of Unet.json, as a dictionary."""
    codes, skips, widths = [], {}, []
    for level in range(depth):
        codes += ["doubleConv", "Maxpool2d"]
        widths.append(width * 2**level)
    codes.append("ElbowUNet")
    widths.append(width * 2**depth)
    for level in reversed(range(depth)):
        codes += ["Upsample", "UpDoubleConv" if level else "UpDoubleConv_out"]
        skips[f"{2 * level + 1}"] = f"{len(codes) - 1}"
        widths.append(width * 2**level)
    codes.append("cnn2d")
    kernels = [3] * len(widths) + [1]
    widths.append(outputs)
    return {
        "input_shape": {
            "input_shape0": size[0],
            "input_shape1": size[1],
            "input_shape2": channels,
            "label_shape": outputs,
        },
        "architecture": {f"{i}": code for i, code in enumerate(codes, 1)},
        "convolutional": {f"cn{i}": value for i, value in enumerate(widths, 1)},
        "kernel": {f"kernel{i}": value for i, value in enumerate(kernels, 1)},
        "pooling": {f"pool{i}": 2 for i in range(1, depth + 1)},
        "stride": {"stride": 1},
        "padding": {"padding": 1},
        "padding_conv": {"padding_conv": 0},
        "skip_connection": skips,
        "data_format": {"data_format": "channels_last"},
        "backend": {"backend": "pytorch"},
    }
