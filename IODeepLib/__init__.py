"""IODeep: trained networks that live in the PACS, next to the images they read.

    import IODeepLib as iodeep

    series = iodeep.find_series("study")[0]
    selection = iodeep.select(series, iodeep.find_models("models").models)
    result = iodeep.run(series, selection.best.model)
    result.save("result")

The names in `__all__` are kept stable, and so are the command line, its JSON and the DICOM objects;
everything else in this package is private, and may change with any version. The main job is one
call, `run`; read the file `pipeline.py` first.

Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IODeepLib.codes import Code
    from IODeepLib.codes.structures import Structure, structures
    from IODeepLib.cohort import (
        Case,
        Cohort,
        Loaded,
        Split,
        collect,
        load,
        read_cohort,
        write_cohort,
    )
    from IODeepLib.errors import (
        CancelledError,
        CertificateError,
        ImageError,
        InputError,
        IODeepError,
        ModelError,
        NoModelFitsError,
        OutputError,
        RecipeError,
        SourceError,
        UsageError,
    )
    from IODeepLib.evaluation import (
        Comparison,
        Evaluation,
        compare,
        evaluate,
        measured_in,
        read_evaluation,
    )
    from IODeepLib.geometry import Grid, Volume
    from IODeepLib.inference.classification import Classification
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.model_object import Model, unpack, verify
    from IODeepLib.pipeline import Options, Stage, run
    from IODeepLib.publish import pack
    from IODeepLib.recipe import Recipe, read_recipe
    from IODeepLib.results import SegmentationType
    from IODeepLib.results.result import Result
    from IODeepLib.results.sr import SrType
    from IODeepLib.selection import Candidate, Selection, select
    from IODeepLib.selection.criteria import Verdict
    from IODeepLib.series import ImageSeries, VolumeImage, find_series
    from IODeepLib.sources import Catalog, Source
    from IODeepLib.sources.find import source_of
    from IODeepLib.sources.folder import find_models
    from IODeepLib.sources.push import push
    from IODeepLib.sources.query import Query

__version__ = "0.1.0"

__all__ = [
    "CancelledError",
    "Candidate",
    "Case",
    "Catalog",
    "CertificateError",
    "Classification",
    "Code",
    "Cohort",
    "Comparison",
    "Evaluation",
    "Grid",
    "IODeepError",
    "ImageError",
    "ImageSeries",
    "InputError",
    "Loaded",
    "Model",
    "ModelError",
    "NoModelFitsError",
    "Options",
    "OutputError",
    "Query",
    "Recipe",
    "RecipeError",
    "Result",
    "Segmentation",
    "SegmentationType",
    "Selection",
    "Source",
    "SourceError",
    "Split",
    "SrType",
    "Stage",
    "Structure",
    "UsageError",
    "Verdict",
    "Volume",
    "VolumeImage",
    "__version__",
    "collect",
    "compare",
    "evaluate",
    "find_models",
    "find_series",
    "load",
    "measured_in",
    "pack",
    "push",
    "read_cohort",
    "read_evaluation",
    "read_recipe",
    "run",
    "select",
    "source_of",
    "structures",
    "unpack",
    "verify",
    "write_cohort",
]

# The module that defines each name, as the imports above say it.
_HOMES = {
    "CancelledError": "errors",
    "Candidate": "selection",
    "Case": "cohort",
    "Catalog": "sources",
    "CertificateError": "errors",
    "Classification": "inference.classification",
    "Code": "codes",
    "Cohort": "cohort",
    "Comparison": "evaluation",
    "Evaluation": "evaluation",
    "Grid": "geometry",
    "IODeepError": "errors",
    "ImageError": "errors",
    "ImageSeries": "series",
    "InputError": "errors",
    "Loaded": "cohort",
    "Model": "model_object",
    "ModelError": "errors",
    "NoModelFitsError": "errors",
    "Options": "pipeline",
    "OutputError": "errors",
    "Query": "sources.query",
    "Recipe": "recipe",
    "RecipeError": "errors",
    "Result": "results.result",
    "Segmentation": "inference.segmentation",
    "SegmentationType": "results",
    "Selection": "selection",
    "Source": "sources",
    "SourceError": "errors",
    "Split": "cohort",
    "SrType": "results.sr",
    "Stage": "pipeline",
    "Structure": "codes.structures",
    "UsageError": "errors",
    "Verdict": "selection.criteria",
    "Volume": "geometry",
    "VolumeImage": "series",
    "collect": "cohort",
    "compare": "evaluation",
    "evaluate": "evaluation",
    "find_models": "sources.folder",
    "find_series": "series",
    "load": "cohort",
    "measured_in": "evaluation",
    "pack": "publish",
    "push": "sources.push",
    "read_cohort": "cohort",
    "read_evaluation": "evaluation",
    "read_recipe": "recipe",
    "run": "pipeline",
    "select": "selection",
    "source_of": "sources.find",
    "structures": "codes.structures",
    "unpack": "model_object",
    "verify": "model_object",
    "write_cohort": "cohort",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
