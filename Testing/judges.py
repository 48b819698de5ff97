"""Independent programs that judge what was written; they come with the packages of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import SimpleITK

from IODeepLib.geometry import Grid


def tool(name: str, *arguments) -> str:
    """What a command beside Python says."""
    command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr


def standard_errors(path: Path) -> list[str]:
    """The errors that dciodvfy finds."""
    said = tool("dciodvfy", "-new", path)
    assert said.strip(), "dciodvfy says at least what it is"
    return [line for line in said.splitlines() if line.startswith("Error")]


def read_by_dcmqi(path: Path, folder: Path) -> dict[str, SimpleITK.Image]:
    """The images that segimage2itkimage makes, by their number."""
    folder.mkdir()
    places = ["--inputDICOM", path, "--outputDirectory", folder]
    said = tool("segimage2itkimage", *places, "--outputType", "nrrd")
    images = {file.stem: SimpleITK.ReadImage(str(file)) for file in sorted(folder.glob("*.nrrd"))}
    assert images, said
    return images


def on_grid(image: SimpleITK.Image, grid: Grid) -> np.ndarray:
    """The voxels of `image` in an array on `grid`, on which its own grid must lie."""
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (directions * image.GetSpacing())[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    array = SimpleITK.GetArrayFromImage(image)
    own = Grid(array.shape, affine)
    there = np.argwhere(array)
    index = grid.index(own.point(there))
    whole = np.rint(index).astype(int)
    assert np.abs(index - whole).max(initial=0) < 0.01, "the voxels lie beside the grid"
    result = np.zeros(grid.shape, array.dtype)
    result[tuple(whole.T)] = array[tuple(there.T)]
    return result
