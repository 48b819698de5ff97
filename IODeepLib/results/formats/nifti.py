"""Labels as NIfTI, which the tools of research read: on the voxels of the series.

SimpleITK writes the voxels. What it cannot write is put in: that they are labels, and their names
and colors as an extension of the header (ecode 30, of Caret and Connectome Workbench), in the form
that TotalSegmentator writes and reads. 3D Slicer takes them from the table beside the file.
"""

from __future__ import annotations

import gzip
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results.colors import display_color
from IODeepLib.results.formats.itk_image import grid_of, itk_image
from IODeepLib.results.formats.label_table import label_table
from IODeepLib.text.foreign import printable

FILE_NAME, TABLE_NAME = "segmentation.nii.gz", "segmentation.labels.csv"

# Places in the header and what stands there (nifti1.h), little endian as SimpleITK writes it.
_HEADER_BYTES, _VOXELS_FROM = 348, 352
_INTENT_CODE, _VOX_OFFSET, _XFORM_CODES = 68, 108, 252
_LABELS = 1002  # NIFTI_INTENT_LABEL
_CARET = 30  # NIFTI_ECODE_CARET
_EXTENSION_UNIT = 16  # bytes


def write_nifti(segmentation: Segmentation, folder: Path, *, placed: bool) -> list[str]:
    """Write a label map and a table of its labels into `folder`; the names of both files.

    Of labels that may overlap it is a volume for each, in the order of the labels, with the label's
    value where it is.

    Args:
        segmentation: labels on a grid.
        folder: where the files go.
        placed: whether it is known where in the patient the grid lies.
    """
    import SimpleITK as sitk  # noqa: N813

    array, grid, labels = segmentation.array, grid_of(segmentation), segmentation.labels
    if segmentation.overlapping:
        kind = np.uint8 if max(label.value for label in labels) < 256 else np.uint16
        layers = (layer * kind(each.value) for layer, each in zip(array, labels, strict=True))
        image = sitk.JoinSeries([itk_image(layer, grid) for layer in layers])
    else:
        image = itk_image(array, grid)
    plain = folder / FILE_NAME.removesuffix(".gz")
    sitk.WriteImage(image, str(plain))
    _complete(plain, folder / FILE_NAME, _extension(segmentation), placed=placed)
    plain.unlink()
    (folder / TABLE_NAME).write_text(label_table(labels), encoding="utf-8", newline="\n")
    return [FILE_NAME, TABLE_NAME]


def _complete(plain: Path, target: Path, extension: bytes, *, placed: bool) -> None:
    """Compress a file, with an extension of its header; the same each time."""
    with (
        plain.open("rb") as file,
        target.open("wb") as compressed,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=compressed, mtime=0) as new,
    ):
        header = bytearray(file.read(_VOXELS_FROM))
        struct.pack_into("<h", header, _INTENT_CODE, _LABELS)
        struct.pack_into("<f", header, _VOX_OFFSET, _VOXELS_FROM + len(extension))
        if not placed:
            struct.pack_into("<2h", header, _XFORM_CODES, 0, 0)
        header[_HEADER_BYTES] = 1  # there is an extension
        new.write(header)
        new.write(extension)
        shutil.copyfileobj(file, new, 1 << 20)


def _extension(segmentation: Segmentation) -> bytes:
    """Names and colors by label value, for each volume."""
    root = ElementTree.Element("CaretExtension")
    layers: Sequence[Sequence[int]] = [range(len(segmentation.labels))]
    if segmentation.overlapping:
        layers = [[i] for i in range(len(segmentation.labels))]
    for number, places in enumerate(layers):
        volume = ElementTree.SubElement(root, "VolumeInformation", Index=str(number))
        table = ElementTree.SubElement(volume, "LabelTable")
        for i in places:
            label = segmentation.labels[i]
            red, green, blue = (f"{part / 255:.6g}" for part in display_color(label, i))
            color = {"Red": red, "Green": green, "Blue": blue, "Alpha": "1"}
            item = ElementTree.SubElement(table, "Label", {"Key": str(label.value), **color})
            item.text = printable(label.name)
        ElementTree.SubElement(volume, "VolumeType").text = "Label"
    text = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    size = -(-(8 + len(text)) // _EXTENSION_UNIT) * _EXTENSION_UNIT
    return struct.pack("<2i", size, _CARET) + text.ljust(size - 8)
