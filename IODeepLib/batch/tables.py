"""All that was measured in a cohort, as tables for pandas: CSV and Parquet, a row for each value.

They are written from the records, one study after the other: nothing is held in memory.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from IODeepLib.batch.place import MEASUREMENTS
from IODeepLib.batch.terms import StudyRecord
from IODeepLib.disk.files import whole_file
from IODeepLib.text.foreign import plain
from IODeepLib.text.spreadsheet import cell

COLUMNS = ("study", "series", "part", "model", "label", "measure", "value", "unit")
_AT_ONCE = 50_000  # rows
_Row = tuple[str, str, str, str, str, str, float, str]


def write_tables(records: Iterable[StudyRecord], folder: Path) -> list[Path]:
    """Write both into the folder, over former ones.

    Raises:
        OutputError: they cannot be written.
    """
    import pyarrow
    from pyarrow import parquet

    paths = [folder / f"{MEASUREMENTS}.csv", folder / f"{MEASUREMENTS}.parquet"]
    kinds = [pyarrow.float64() if name == "value" else pyarrow.string() for name in COLUMNS]
    schema = pyarrow.schema(list(zip(COLUMNS, kinds, strict=True)))
    rows = (row for record in records for row in _rows(record))
    with ExitStack() as stack:
        as_csv, as_parquet = (stack.enter_context(whole_file(path)) for path in paths)
        file = stack.enter_context(as_csv.open("w", encoding="utf-8", newline=""))
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        columns = stack.enter_context(parquet.ParquetWriter(as_parquet, schema))
        while part := list(islice(rows, _AT_ONCE)):
            writer.writerows(
                [cell(value) if isinstance(value, str) else value for value in row] for row in part
            )
            arrays = [
                pyarrow.array(list(values), kind)
                for values, kind in zip(zip(*part, strict=True), kinds, strict=True)
            ]
            columns.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
    return paths


def _rows(record: StudyRecord) -> Iterator[_Row]:
    for run in record.runs:
        where = record.study, run.series, plain(run.part), plain(run.model)
        for label, measure, value, unit in run.measured:
            yield *where, plain(label), plain(measure), value, plain(unit)
