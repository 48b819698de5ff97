from typing import Any

import numpy.typing as npt
import vtk

def numpy_to_vtk(num_array: npt.NDArray[Any], deep: int = ...) -> vtk.vtkDataArray: ...
def vtk_to_numpy(vtk_array: vtk.vtkDataArray) -> npt.NDArray[Any]: ...
