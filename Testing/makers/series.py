"""Small DICOM image series, made to measure for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)


@dataclass
class Stack:
    """A series of classic images: what is asked for, and what must come back.

    Attributes:
        voxels: (slice, row, column) stored values; slices are counted along the normal.
        spacing: mm between slices, rows and columns.
        directions: (2, 3) unit vectors of a row and of a column.
        origin: LPS mm of the first voxel.
        common: attributes of every image, as keywords.
    """

    voxels: np.ndarray = field(
        default_factory=lambda: np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    )
    spacing: Sequence[float] = (2.5, 0.8, 0.7)
    directions: np.ndarray = field(default_factory=lambda: np.eye(3)[:2])
    origin: Sequence[float] = (-10.0, 20.0, 30.0)
    common: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.study, self.series, self.frame = generate_uid(), generate_uid(), generate_uid()

    @property
    def normal(self) -> np.ndarray:
        return np.cross(*self.directions)

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) from (slice, row, column) to LPS mm, as PS3.3 equation C.7.6.2.1-1 says."""
        affine = np.eye(4)
        affine[:3, 0] = self.normal * self.spacing[0]
        affine[:3, 1] = self.directions[1] * self.spacing[1]
        affine[:3, 2] = self.directions[0] * self.spacing[2]
        affine[:3, 3] = self.origin
        return affine

    def image(self, i: int, **attributes) -> Dataset:
        """The image of slice `i`."""
        ds = image(self.voxels[i], StudyInstanceUID=self.study, SeriesInstanceUID=self.series)
        ds.FrameOfReferenceUID = self.frame
        ds.InstanceNumber = i + 1
        ds.ImageOrientationPatient = [f"{v:.10f}"[:16] for v in self.directions.ravel()]
        position = np.array(self.origin) + i * self.spacing[0] * self.normal
        ds.ImagePositionPatient = [f"{v:.10f}"[:16] for v in position]
        ds.PixelSpacing = list(self.spacing[1:])
        ds.SliceThickness = self.spacing[0]
        return put(ds, **{**self.common, **attributes})

    def images(self, **attributes) -> list[Dataset]:
        return [self.image(i, **attributes) for i in range(len(self.voxels))]

    def write(self, folder: Path, change: Callable[[int, Dataset], None] | None = None) -> Path:
        """Write all slices into `folder`, each changed by `change(i, dataset)` first."""
        for i, ds in enumerate(self.images()):
            if change is not None:
                change(i, ds)
            save(ds, folder / f"{i:03}.dcm")
        return folder


def image(pixels: np.ndarray, **attributes) -> Dataset:
    """A classic gray image of `pixels` (row, column), integer or float."""
    ds = Dataset()
    ds.SOPClassUID = MRImageStorage
    ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.Modality = "MR"
    ds.PatientID, ds.PatientName = "1", "Doe^Jane"
    ds.SeriesNumber, ds.SeriesDescription = 7, "made"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    ds.Rows, ds.Columns = pixels.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    if pixels.dtype.kind == "f":
        name = {4: "FloatPixelData", 8: "DoubleFloatPixelData"}[pixels.dtype.itemsize]
        setattr(ds, name, pixels.tobytes())
    else:
        ds.BitsStored, ds.HighBit = ds.BitsAllocated, ds.BitsAllocated - 1
        ds.PixelRepresentation = int(pixels.dtype.kind == "i")
        ds.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    return put(ds, **attributes)


def put(ds: Dataset, **attributes) -> Dataset:
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def save(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write `ds` as a DICOM file."""
    if not getattr(ds, "file_meta", None):
        ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ds.file_meta.get("TransferSyntaxUID", syntax)
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID") or CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID") or generate_uid()
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def enhanced(stack: Stack, order: Sequence[int], **groups: Callable[[int], dict]) -> Dataset:
    """An Enhanced MR image with the slices of `stack` in `order`.

    Args:
        groups: further per-frame functional groups: the sequence's keyword and, for the stored
            number of a frame, the attributes of its item.
    """
    ds = image(np.concatenate([stack.voxels[i] for i in order]), SeriesInstanceUID=stack.series)
    ds.Rows = stack.voxels.shape[1]
    ds.SOPClassUID = EnhancedMRImageStorage
    ds.FrameOfReferenceUID = stack.frame
    ds.NumberOfFrames = len(order)
    first = stack.image(0)
    shared = Dataset()
    shared.PlaneOrientationSequence = [item(ImageOrientationPatient=first.ImageOrientationPatient)]
    shared.PixelMeasuresSequence = [
        item(PixelSpacing=first.PixelSpacing, SliceThickness=first.SliceThickness)
    ]
    ds.SharedFunctionalGroupsSequence = Items([shared])
    frames = []
    for number, i in enumerate(order):
        frame = Dataset()
        position = stack.image(i).ImagePositionPatient
        frame.PlanePositionSequence = [item(ImagePositionPatient=position)]
        for keyword, attributes in groups.items():
            setattr(frame, keyword, [item(**attributes(number))])
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Items(frames)
    return ds


def item(**attributes) -> Dataset:
    return put(Dataset(), **attributes)
