// What the viewer OHIF makes of RT Structure Sets: its loader (extensions/cornerstone-dicom-rt) takes
// these values from what dcmjs parses. Standard input: a JSON list of paths; output: a list of regions
// for each.
import fs from 'node:fs';
import dcmjs from 'dcmjs';

const { DicomMessage, DicomMetaDictionary } = dcmjs.data;
const listed = (value) => (Array.isArray(value) ? value : [value]);

function regions(path) {
  const file = fs.readFileSync(path);
  const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
  const set = DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(buffer).dict);
  return listed(set.ROIContourSequence).map((of) => {
    const number = of.ReferencedROINumber;
    const roi = listed(set.StructureSetROISequence).find((one) => one.ROINumber === number);
    const observed = listed(set.RTROIObservationsSequence);
    return {
      name: roi.ROIName,
      description: roi.ROIDescription,
      color: [...of.ROIDisplayColor],
      type: observed.find((one) => one.ReferencedROINumber === number).RTROIInterpretedType,
      contours: listed(of.ContourSequence).map((contour) => ({
        kind: contour.ContourGeometricType,
        points: contour.ContourData.slice(0, 3 * contour.NumberOfContourPoints),
      })),
    };
  });
}

fs.writeFileSync(1, JSON.stringify(JSON.parse(fs.readFileSync(0, 'utf8')).map(regions)));
