"""The file of an evaluation, and what of it counts when a network is chosen."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from IODeepLib.disk.files import whole_file
from IODeepLib.errors import InputError
from IODeepLib.evaluation.place import RESULT
from IODeepLib.evaluation.records import SCHEMA, Evaluation, Metric
from IODeepLib.evaluation.summary import Groups, by_patient
from IODeepLib.headers.header_file import open_regular
from IODeepLib.selection.preference import Measured
from IODeepLib.text.json_text import StructureError, parse_json
from IODeepLib.text.records import dump, parse

_MOST_BYTES = 2**30


def read_evaluation(path: Path | str) -> Evaluation:
    """The evaluation in a file, or in the folder of one.

    Raises:
        InputError: it cannot be read, or is no such file.
    """
    path = Path(path)
    path = path / RESULT if path.is_dir() else path
    try:
        with open_regular(path) as stream:
            content = stream.read(_MOST_BYTES + 1)
        value = parse_json(content.decode("utf-8"), _MOST_BYTES)
        evaluation: Evaluation = parse(Evaluation, value)
        _check(evaluation)
    except StructureError as error:
        raise InputError(
            f"{path}: {error.path}: {error.found}",
            error.wanted,
            "evaluate again with 'iodeep evaluate', and change nothing in its file",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({error})",
            f"the folder of 'iodeep evaluate', or its {RESULT}",
            "check the path",
        ) from None
    return evaluation


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write it, over a former one.

    Raises:
        OutputError: it cannot be written.
    """
    document = {"schema": SCHEMA, **dump(evaluation)}
    with whole_file(path) as new:
        text = json.dumps(document, ensure_ascii=False, indent=1)
        new.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def measured_in(path: Path | str) -> dict[str, Measured]:
    """How well the networks of an evaluation did, by their SHA-256, as `select` takes it.

    Only cases count that all of its models have a Dice of, label by label: who was run on the easy
    ones alone is no better.

    Raises:
        InputError: as of `read_evaluation`.
    """
    evaluation = read_evaluation(path)
    groups = Groups(evaluation)
    common = [
        {(one.case, one.label) for one in groups.of(i) if one.dice is not None}
        for i in range(len(evaluation.models))
    ]
    both = set.intersection(*common)
    named = json.dumps([evaluation.cohort_sha256, sorted(both)])
    identity = hashlib.sha256(named.encode()).hexdigest()
    found: dict[str, Measured] = {}
    for i, model in enumerate(evaluation.models):
        own = [one for one in groups.of(i) if (one.case, one.label) in both]
        values = [*by_patient(own, Metric.DICE).values()]
        if values:
            mean = sum(values) / len(values)
            found[model.network_sha256] = Measured(mean, len(values), evaluation.dataset, identity)
    return found


def _check(evaluation: Evaluation) -> None:
    if evaluation.schema != SCHEMA:
        raise StructureError("$.schema", repr(evaluation.schema[:60]), SCHEMA)
    count = len(evaluation.models)
    for key in ("figures", "failures"):
        for i, one in enumerate(getattr(evaluation, key)):
            if one.model >= count:
                wanted = f"one of {count} models, from 0"
                raise StructureError(f"$.{key}[{i}].model", str(one.model), wanted)
