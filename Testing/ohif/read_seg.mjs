// Reads DICOM SEG files as OHIF does, headless, and prints where their segments lie.
//
// Standard input: [{"images": [...], "seg": path, "type": its Segmentation Type}, ...]. An image is a
// frame of the series that is shown: sop, frame (0 for a file of one image), rows, columns, position,
// rowCosines, columnCosines, spacing, series, frameOfReference.
// Standard output: for each {"error": "..."}, or {"segments": {number: {image index: [pixels, sum of
// their rows, sum of their columns]}}}.

import fs from 'node:fs';
import { adaptersSEG } from '@cornerstonejs/adapters';
import { generateToolState } from '@cornerstonejs/adapters/cornerstone/Segmentation_4X';
import * as core from '@cornerstonejs/core';

const byId = new Map();
const idOf = (image) => `wadors:images/${image.sop}` + (image.frame ? `/frames/${image.frame}` : '');

// What a viewer knows of the images that it shows.
function get(type, imageId) {
  const image = byId.get(imageId);
  if (!image) return undefined;
  const { sop, rows, columns, position, rowCosines, columnCosines, spacing } = image;
  const plane = {
    rows, columns, rowCosines, columnCosines, imagePositionPatient: position,
    imageOrientationPatient: [...rowCosines, ...columnCosines],
    rowPixelSpacing: spacing[0], columnPixelSpacing: spacing[1], pixelSpacing: spacing,
    frameOfReferenceUID: image.frameOfReference,
  };
  return {
    imagePlaneModule: plane,
    generalSeriesModule: { seriesInstanceUID: image.series },
    generalImageModule: { sopInstanceUID: sop },
    sopCommonModule: { sopInstanceUID: sop },
    imagePixelModule: { rows, columns, bitsAllocated: 16, samplesPerPixel: 1 },
    instance: {
      Rows: rows, Columns: columns, SOPInstanceUID: sop, SeriesInstanceUID: image.series,
      FrameOfReferenceUID: image.frameOfReference, ImagePositionPatient: position,
      ImageOrientationPatient: plane.imageOrientationPatient,
    },
  }[type];
}
core.metaData.addProvider(get, 1e6);

async function labelmaps(buffer, type, images) {
  const imageIds = images.map(idOf);
  if (type === 'BINARY') {
    const found = await generateToolState(imageIds, buffer, { get }, { tolerance: 1e-3 });
    const size = images[0].rows * images[0].columns;
    return found.labelmapBufferArray.map((map) =>
      images.map((_, k) => new Uint8Array(map, k * size, size)));
  }
  // Segmentation_4X reads no other types; this is what OHIF calls for them.
  const { createFromDICOMSegBuffer } = adaptersSEG.Cornerstone3D.Segmentation;
  const found = await createFromDICOMSegBuffer(imageIds, buffer, { metadataProvider: core.metaData });
  return found.labelMapImages.map((map) => map.map((image) => image.voxelManager.getScalarData()));
}

function counted(maps, images) {
  const segments = {};
  for (const map of maps) {
    map.forEach((pixels, k) => {
      pixels.forEach((number, at) => {
        if (!number) return;
        const of = ((segments[number] ??= {})[k] ??= [0, 0, 0]);
        of[0] += 1;
        of[1] += Math.floor(at / images[k].columns);
        of[2] += at % images[k].columns;
      });
    });
  }
  return segments;
}

const answers = [];
for (const { images, seg, type } of JSON.parse(fs.readFileSync(0, 'utf8'))) {
  core.cache.purgeCache();
  byId.clear();
  images.forEach((image) => byId.set(idOf(image), image));
  try {
    const file = fs.readFileSync(seg);
    const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
    answers.push({ segments: counted(await labelmaps(buffer, type, images), images) });
  } catch (error) {
    answers.push({ error: String(error.message ?? error) });
  }
}
fs.writeFileSync(1, JSON.stringify(answers));
process.exit(0); // what OHIF waits for otherwise
