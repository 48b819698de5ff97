"""The file of a cohort: JSON, checked at the door, and written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from IODeepLib.cohort.records import SCHEMA, Case, Cohort
from IODeepLib.disk.files import whole_file
from IODeepLib.errors import InputError
from IODeepLib.headers.header_file import open_regular
from IODeepLib.text.json_text import StructureError, parse_json
from IODeepLib.text.records import dump, parse

_MOST_BYTES = 2**29  # a million files of cases need a tenth


def read_cohort(path: Path | str) -> Cohort:
    """The cohort in a file, all paths in it whole.

    Raises:
        InputError: it cannot be read, or is no such file; a path in it leaves its folder.
    """
    path = Path(path)
    try:
        with open_regular(path) as stream:
            content = stream.read(_MOST_BYTES + 1)
        cohort: Cohort = parse(Cohort, parse_json(content.decode("utf-8"), _MOST_BYTES), exact=True)
        _check(cohort)
    except StructureError as error:
        raise InputError(
            f"{path}: {error.path}: {error.found}",
            error.wanted,
            "collect the cohort again with 'iodeep cohort', and change nothing in its file",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({error})", "a file of 'iodeep cohort'", "check the path"
        ) from None
    root = Path(os.path.normpath(path.absolute().parent / cohort.root))
    return replace(_changed(cohort, lambda file: str(root / file)), root=str(root))


def write_cohort(cohort: Cohort, path: Path | str) -> None:
    """Write a cohort, over a former one.

    Raises:
        InputError: a file of it does not lie in its root.
        OutputError: it cannot be written.
    """
    path, root = Path(path).absolute(), Path(cohort.root)
    below = root.is_relative_to(path.parent) or path.is_relative_to(root)
    stored_root = os.path.relpath(root, path.parent) if below else str(root)

    def stored(file: str) -> str:
        if not Path(file).is_relative_to(root):
            raise InputError(f"{file}, outside of {root}", "files in it", "collect them again")
        return Path(file).relative_to(root).as_posix()

    document = dump(replace(_changed(cohort, stored), root=Path(stored_root).as_posix()))
    with whole_file(path) as new:
        text = json.dumps({"schema": SCHEMA, **document}, ensure_ascii=False, indent=1)
        new.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def _check(cohort: Cohort) -> None:
    """Whether all of it agrees with each other.

    Raises:
        StructureError: something does not.
    """
    if cohort.schema != SCHEMA:
        raise StructureError("$.schema", repr(cohort.schema[:60]), SCHEMA)
    values = {label.value for label in cohort.collected.labels}
    splits: dict[int, str] = {}
    for i, case in enumerate(cohort.cases):
        place = f"$.cases[{i}]"
        if splits.setdefault(case.patient, case.split) != case.split:
            raise StructureError(f"{place}.split", "a second one for this patient", "one of each")
        labels = {segment.label for one in case.truths for segment in one.segments}
        for value in (labels | {*case.unknown}) - values:
            raise StructureError(place, f"the label {value}", "labels of the cohort's model")
        for key, file in _files(case):
            inside = PurePosixPath(file)
            outside = inside.is_absolute() or ".." in inside.parts or Path(file).drive
            if outside or "\0" in file:
                raise StructureError(f"{place}.{key}", repr(file[:60]), "a path within the root")


def _files(case: Case) -> list[tuple[str, str]]:
    """Where in a case each of its paths stands."""
    images = [(f"images[{i}]", f) for i, one in enumerate(case.images) for f in one.files]
    return images + [(f"truths[{i}]", one.file) for i, one in enumerate(case.truths)]


def _changed(cohort: Cohort, change: Callable[[str], str]) -> Cohort:
    """The same with other paths."""
    cases = tuple(
        replace(
            case,
            images=tuple(replace(x, files=tuple(map(change, x.files))) for x in case.images),
            truths=tuple(replace(x, file=change(x.file)) for x in case.truths),
        )
        for case in cohort.cases
    )
    return replace(cohort, cases=cases)
