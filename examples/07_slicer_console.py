"""3D Slicer: the module's logic, for its Python console.

Slicer --python-script examples/07_slicer_console.py, with the extension installed; or paste it.
"""

from pathlib import Path

import slicer

import IODeepLib

DEMO = Path(IODeepLib.__file__).parent / "demo_data"
logic = slicer.util.getModuleLogic("IODeep")

# The image: the first volume of the scene; in an empty one, that of the demonstration.
volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
if volume is None:
    from IODeepSlicer.scene.sample_data import loadDemo

    volume = loadDemo()  # puts its network into the DICOM database, too

# The networks: those in the DICOM database; findModels("pacs") adds those of a server.
models = logic.findModels().models
for candidate in logic.select(volume, models).candidates:
    print(candidate.model.label, "fits" if candidate.fits else "does not fit")

# Runs in a process of its own, while Slicer stays responsive.
segmentation = logic.run(volume)

# Ordinary segments, for all that Slicer does with them; logic.measure makes a table of statistics.
segments = segmentation.GetSegmentation()
for name in segments.GetSegmentIDs():
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, name, volume)
    print(f"{segments.GetSegment(name).GetName()}: {mask.sum()} voxels")

# The DICOM SEG and the report go into the study of the image.
print("saved", *logic.saveToDICOM(segmentation))
