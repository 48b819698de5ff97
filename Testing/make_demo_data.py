"""Makes the images of ``iodeep demo``: a 2 mm MR series of the MNI152 T1 template and its tissues.

The ICBM 152 2009a nonlinear symmetric template (an average of 152 people, skull-stripped) and its
tissue probability maps come from the nilearn wheel, so nothing is downloaded at run time. They are
averaged over 2 x 2 x 2 voxels, cropped of empty air, and written to ``IODeepLib/demo_data`` as

- ``mr_t1/IM*.dcm``: axial MR Image Storage, Explicit VR Little Endian, 16 bit;
- ``reference_seg.dcm``: a binary DICOM SEG of that series, segment 1 grey matter and
  segment 2 white matter, each where its probability is above one half;
- ``LICENCE.txt``: the template's copyright notice, which must stay with the data.

Run it in an environment of its own; the same versions give the same bytes::

    pip install nilearn==0.14.1 highdicom==0.28.2 pydicom==3.0.2 numpy
    python Testing/make_demo_data.py [--out IODeepLib/demo_data]
"""

from __future__ import annotations

import argparse
import uuid
from pathlib import Path

import highdicom as hd
import numpy as np
from highdicom.sr.coding import CodedConcept
from nibabel.nifti1 import Nifti1Image
from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

FACTOR = 2  # 1 mm template voxels per output voxel and axis
CROP = (slice(1, 97), slice(2, 114), slice(0, 84))  # 2 mm voxels i, j, k that hold more than air
SCALE = 4  # stored T1 values per 8-bit grey level, so that averaging keeps its fractions
HALF = 127.5  # of the 8-bit probability maps; above it a voxel belongs to the tissue
DATE, TIME = "20090101", "000000"  # the template's year
NAMESPACE = uuid.UUID("6d3c4f0e-5f2b-4d2c-9a55-0d1f3a7c2b10")  # of every UID below

GREY, WHITE = codes.cid7151.GrayMatter, codes.cid7151.WhiteMatter
# Slicer's "gray matter" and "white matter" as RGB
COLOURS = {GREY: (200, 200, 235), WHITE: (250, 250, 210)}

LICENCE = """\
mr_t1/ and reference_seg.dcm were made by Testing/make_demo_data.py from the ICBM 152 2009a
nonlinear symmetric template and its tissue probability maps, as shipped with nilearn 0.14.1 (there
skull-stripped and scaled to 8 bits): averaged to 2 mm, cropped, the probabilities thresholded at
one half, and written as DICOM. demo_network.onnx was trained on them by
Testing/train_demo_network.py.
For tests and demonstrations; not for clinical use.

Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological
Institute, McGill University. Permission to use, copy, modify, and distribute this software and its
documentation for any purpose and without fee is hereby granted, provided that the above copyright
notice appear in all copies. The authors and McGill University make no representations about the
suitability of this software for any purpose. It is provided "as is" without express or implied
warranty. The authors are not responsible for any data loss, equipment damage, property loss, or
injury to subjects or patients resulting from the use or misuse of this software package.

V.S. Fonov, A.C. Evans, R.C. McKinstry, C.R. Almli and D.L. Collins, Unbiased nonlinear average
age-appropriate brain templates from birth to adulthood, NeuroImage 47 (2009) S102.
"""


def fixed_uid(name: str) -> hd.UID:
    """The same UID for the same name, of the form 2.25.* (PS3.5 B.2)."""
    return hd.UID(f"2.25.{uuid.uuid5(NAMESPACE, name).int}")


def coarse(image: Nifti1Image) -> np.ndarray:
    """Block means (0..255) of an RAS template [i, j, k], cropped, as LPS slices [z, y, x]."""
    array = np.rint(image.get_fdata() * 255)  # what the wheel holds, free of rounding
    shape = [n // FACTOR for n in array.shape]
    trimmed = array[tuple(slice(n * FACTOR) for n in shape)]
    blocks = trimmed.reshape([n for size in shape for n in (size, FACTOR)]).mean(axis=(1, 3, 5))
    return blocks[CROP][::-1, ::-1].transpose(2, 1, 0)


def first_position(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """LPS position (mm) of the centre of voxel [0, 0, 0] of `coarse`'s result of that shape."""
    last_i, last_j = CROP[0].start + shape[2] - 1, CROP[1].start + shape[1] - 1
    block = np.array([last_i, last_j, CROP[2].start])
    ras = affine @ np.append(block * FACTOR + (FACTOR - 1) / 2, 1.0)
    return ras[:3] * (-1.0, -1.0, 1.0)


def common_header() -> Dataset:
    """What every slice of the series says: PS3.3 C.7 modules and C.8.3 MR Image."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    ds.SOPClassUID = MRImageStorage
    ds.StudyDate, ds.StudyTime = DATE, TIME
    ds.SeriesDate, ds.SeriesTime = DATE, TIME
    ds.ContentDate, ds.ContentTime = DATE, TIME
    ds.AccessionNumber = ""
    ds.Modality = "MR"
    ds.Manufacturer = "IODeep"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "ICBM 152 2009a nonlinear symmetric"
    ds.SeriesDescription = "T1 template, skull-stripped, 2 mm"
    ds.ManufacturerModelName = "make_demo_data"
    ds.DerivationDescription = "ICBM 152 2009a T1 template, mean of 2 x 2 x 2 voxels"
    ds.AnatomicRegionSequence = [CodedConcept.from_code(codes.SCT.Brain)]
    ds.PatientName, ds.PatientID = "MNI152^Template", "MNI152"
    ds.PatientBirthDate, ds.PatientSex = "", "O"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Average of 152 people"
    ds.BodyPartExamined = "BRAIN"
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "RM", "NONE", ""
    ds.MRAcquisitionType = "3D"
    ds.SliceThickness = ds.SpacingBetweenSlices = FACTOR
    ds.RepetitionTime = ds.EchoTime = ds.EchoTrainLength = None
    ds.SoftwareVersions = "1"
    ds.ProtocolName = "T1"
    ds.PatientPosition = "HFS"
    ds.StudyInstanceUID = fixed_uid("study")
    ds.SeriesInstanceUID = fixed_uid("mr_t1")
    ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber = "1", 1, 1
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.FrameOfReferenceUID = fixed_uid("frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.PixelSpacing = [FACTOR, FACTOR]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = 128 * SCALE, 256 * SCALE
    return ds


def make_series(t1: np.ndarray, position: np.ndarray) -> list[Dataset]:
    """One MR data set a slice of `t1` [z, y, x]; `position` is the first voxel's, LPS mm."""
    datasets = []
    x, y, z = position.tolist()
    for index, plane in enumerate(np.rint(t1 * SCALE).astype("<u2")):
        ds = common_header()
        ds.SOPInstanceUID = fixed_uid(f"mr_t1 {index}")
        ds.InstanceNumber = index + 1
        ds.ImagePositionPatient = [x, y, z + index * FACTOR]
        ds.SliceLocation = ds.ImagePositionPatient[2]
        ds.Rows, ds.Columns = plane.shape
        ds.add_new("PixelData", "OW", plane.tobytes())
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = ds.SOPClassUID
        meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.ImplementationClassUID = fixed_uid("implementation")
        meta.ImplementationVersionName = "IODEEP_DEMO"
        ds.file_meta = meta
        datasets.append(ds)
    return datasets


def make_reference(series: list[Dataset], tissues: np.ndarray) -> Dataset:
    """The SEG of `tissues` [z, y, x]: 0 nothing, 1 grey matter, 2 white matter."""
    algorithm = hd.AlgorithmIdentificationSequence(
        name="ICBM 152 2009a tissue probability above 0.5",
        family=codes.cid7162.HistogramAnalysis,
        version="2009a",
    )
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=code.meaning,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=code,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
            anatomic_regions=[codes.SCT.Brain],
            display_color=hd.color.CIELabColor.from_rgb(*rgb),
        )
        for number, (code, rgb) in enumerate(COLOURS.items(), start=1)
    ]
    seg = hd.seg.Segmentation(
        source_images=series,
        pixel_array=tissues,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=fixed_uid("reference"),
        series_number=2,
        sop_instance_uid=fixed_uid("reference 0"),
        instance_number=1,
        manufacturer="IODeep",
        manufacturer_model_name="make_demo_data",
        software_versions="1",
        device_serial_number="0",
        content_description="Grey and white matter of the template",
        content_label="REFERENCE",
        content_date=DATE,
        content_time=TIME,
        series_description="Reference: grey and white matter",
    )
    for element in seg.iterall():  # what highdicom takes from the clock and at random
        if element.keyword == "DimensionOrganizationUID":
            element.value = fixed_uid("dimension organization")
        elif element.keyword == "ContributionDateTime":
            element.value = DATE + TIME
    seg.InstanceCreationDate, seg.InstanceCreationTime = DATE, TIME
    return seg


def main() -> None:
    """Writes the files below --out."""
    home = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=home / "IODeepLib" / "demo_data")
    out: Path = parser.parse_args().out

    template = load_mni152_template(resolution=1)
    t1 = coarse(template)
    grey = coarse(load_mni152_gm_template(resolution=1)) > HALF
    white = coarse(load_mni152_wm_template(resolution=1)) > HALF

    series = make_series(t1, first_position(template.affine, t1.shape))
    reference = make_reference(series, (grey + 2 * white).astype(np.uint8))
    (out / "mr_t1").mkdir(parents=True, exist_ok=True)
    for old in (out / "mr_t1").glob("IM*.dcm"):
        old.unlink()
    for index, ds in enumerate(series):
        ds.save_as(out / "mr_t1" / f"IM{index:04d}.dcm", enforce_file_format=True)
    reference.save_as(out / "reference_seg.dcm")
    (out / "LICENCE.txt").write_text(LICENCE, encoding="utf-8")


if __name__ == "__main__":
    main()
