"""Storage SOP classes (PS3.4 section B.5) by modality (PS3.3 section C.7.3.1.1.1): those that hold
images of the patient, and those that hold something else, as what was found in images.
"""

from __future__ import annotations

from itertools import chain

from pydicom import uid

# Those that pydicom's dictionary does not have yet.
LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
HEIGHT_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.8"
_NAMES = {
    LABEL_MAP_SEGMENTATION: "Label Map Segmentation Storage",
    HEIGHT_MAP_SEGMENTATION: "Height Map Segmentation Storage",
}

IMAGES: dict[str, tuple[str, ...]] = {
    "CT": (
        uid.CTImageStorage,
        uid.EnhancedCTImageStorage,
        uid.LegacyConvertedEnhancedCTImageStorage,
    ),
    "MR": (
        uid.MRImageStorage,
        uid.EnhancedMRImageStorage,
        uid.LegacyConvertedEnhancedMRImageStorage,
        uid.EnhancedMRColorImageStorage,
    ),
    "PT": (
        uid.PositronEmissionTomographyImageStorage,
        uid.EnhancedPETImageStorage,
        uid.LegacyConvertedEnhancedPETImageStorage,
    ),
    "NM": (uid.NuclearMedicineImageStorage,),
    "CR": (uid.ComputedRadiographyImageStorage,),
    "DX": (
        uid.DigitalXRayImageStorageForPresentation,
        uid.DigitalXRayImageStorageForProcessing,
    ),
    "MG": (
        uid.DigitalMammographyXRayImageStorageForPresentation,
        uid.DigitalMammographyXRayImageStorageForProcessing,
        uid.BreastTomosynthesisImageStorage,
    ),
    "US": (uid.UltrasoundImageStorage, uid.UltrasoundMultiFrameImageStorage),
    "XA": (uid.XRayAngiographicImageStorage, uid.EnhancedXAImageStorage),
    "RF": (uid.XRayRadiofluoroscopicImageStorage, uid.EnhancedXRFImageStorage),
    "RTIMAGE": (uid.RTImageStorage,),
    "SM": (uid.VLWholeSlideMicroscopyImageStorage, uid.VLMicroscopicImageStorage),
    "XC": (uid.VLPhotographicImageStorage, uid.VideoPhotographicImageStorage),
    "ES": (uid.VLEndoscopicImageStorage, uid.VideoEndoscopicImageStorage),
    "OP": (
        uid.OphthalmicPhotography8BitImageStorage,
        uid.OphthalmicPhotography16BitImageStorage,
    ),
    "OPT": (uid.OphthalmicTomographyImageStorage,),
}
# Of some modalities the class does not matter here.
NO_IMAGES: dict[str, tuple[str, ...]] = {
    "SR": (
        *(uid.BasicTextSRStorage, uid.EnhancedSRStorage, uid.ComprehensiveSRStorage),
        *(uid.Comprehensive3DSRStorage, uid.XRayRadiationDoseSRStorage),
        *(uid.MammographyCADSRStorage, uid.ChestCADSRStorage),
    ),
    "KO": (uid.KeyObjectSelectionDocumentStorage,),
    "PR": (
        uid.GrayscaleSoftcopyPresentationStateStorage,
        uid.ColorSoftcopyPresentationStateStorage,
        uid.PseudoColorSoftcopyPresentationStateStorage,
        uid.BlendingSoftcopyPresentationStateStorage,
    ),
    "SEG": (
        uid.SegmentationStorage,
        uid.SurfaceSegmentationStorage,
        LABEL_MAP_SEGMENTATION,
        HEIGHT_MAP_SEGMENTATION,
    ),
    "REG": (uid.SpatialRegistrationStorage, uid.DeformableSpatialRegistrationStorage),
    "RWV": (uid.RealWorldValueMappingStorage,),
    "RTSTRUCT": (uid.RTStructureSetStorage,),
    "RTDOSE": (uid.RTDoseStorage,),
    "RTPLAN": (uid.RTPlanStorage, uid.RTIonPlanStorage),
    "RTRECORD": (
        uid.RTBeamsTreatmentRecordStorage,
        uid.RTIonBeamsTreatmentRecordStorage,
        uid.RTTreatmentSummaryRecordStorage,
    ),
    "ECG": (
        uid.TwelveLeadECGWaveformStorage,
        uid.GeneralECGWaveformStorage,
        uid.AmbulatoryECGWaveformStorage,
    ),
    "DOC": (uid.EncapsulatedPDFStorage, uid.EncapsulatedCDAStorage),
    "M3D": (uid.EncapsulatedSTLStorage, uid.EncapsulatedOBJStorage),
    **dict.fromkeys(("AU", "EPS", "FID", "HC", "HD", "PLAN", "RESP", "SMR", "STAIN"), ()),
}
_WITHOUT_IMAGES = frozenset(chain.from_iterable(NO_IMAGES.values()))


def holds_no_image(sop_class: str) -> bool:
    """Whether an object of this class is no image of the patient, though it may have pixels."""
    return sop_class in _WITHOUT_IMAGES


def name_of(sop_class: str) -> str:
    """The name of a class (PS3.6 annex A), or its UID if it is not known; "" for none."""
    return _NAMES.get(sop_class) or uid.UID(sop_class).name
