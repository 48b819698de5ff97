"""Answers of a DICOMweb service, head and body, as they come over a real connection."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

import pydicom
from fuzzing import mutate_bytes, mutate_json, seeds
from pacs.hostile import Files, Request, head, multipart, serving

from IODeepLib.errors import IODeepError
from IODeepLib.sources.archive import Entity
from IODeepLib.sources.dicomweb import DicomwebArchive
from IODeepLib.sources.incoming import save
from IODeepLib.sources.limits import up_to
from IODeepLib.sources.settings import Server

_END = b"\r\n\r\n"
_MOST = 2**22  # bytes of an object here; what is longer is refused as a longer one would be
_SEARCH = Request("/instances", {}, "")


def found(folder: Path) -> tuple[list[bytes], Callable[[bytes], bool]]:
    """Answers to a search, and their reader."""
    service = Files([seeds.STACK.write(folder / "series") / f"{i:03}.dcm" for i in range(3)])
    searched = b"".join(service(_SEARCH))
    body = searched.partition(_END)[2]
    contents = [searched, head() + json.dumps(json.loads(body)[:1]).encode()]
    contents += [_with_length(searched), _compressed(searched), head("204 No Content")]

    def search(archive: DicomwebArchive) -> bool:
        return bool(archive.find_instances({"PatientID": "1"}).entities)

    return contents, _reader(search)


def retrieved(folder: Path) -> tuple[list[bytes], Callable[[bytes], bool]]:
    """Answers with the instances of a series, and their reader."""
    paths = sorted(seeds.STACK.write(folder / "series").glob("*.dcm"))[:2]
    first = pydicom.dcmread(paths[0], stop_before_pixels=True)
    series = Entity(str(first.StudyInstanceUID), str(first.SeriesInstanceUID))
    whole = multipart(paths)
    contents = [whole, _with_length(whole), _compressed(whole)]
    contents.append(head(kind="application/dicom") + paths[0].read_bytes())
    numbers = itertools.count()

    def retrieve(archive: DicomwebArchive) -> bool:
        came: list[Entity] = []

        def receive(arriving: Iterable[bytes]) -> None:
            path = folder / f"came-{next(numbers) % 10}.dcm"
            came.append(save(up_to(_MOST, arriving, "seed"), path, series, "seed"))

        archive.retrieve(series, receive)
        return bool(came)

    return contents, _reader(retrieve)


def damaged(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """An answer whose head, body or JSON is damaged."""
    start, _, body = data.partition(_END)
    bodies = [other.partition(_END)[2] for other in others]
    kind = rng.random()
    if kind < 0.2:
        return (
            mutate_bytes.damaged(rng, start + _END, [o.partition(_END)[0] for o in others]) + body
        )
    if kind < 0.6 and body.startswith(b"["):
        texts = [one for one in bodies if one.startswith(b"[")]
        return start + _END + mutate_json.damaged(rng, body, texts)
    return start + _END + mutate_bytes.damaged(rng, body, bodies)


def _reader(use: Callable[[DicomwebArchive], bool]) -> Callable[[bytes], bool]:
    def read(content: bytes) -> bool:
        def respond(request: Request) -> Iterator[bytes]:
            yield head("204 No Content") if request.query.get("offset", "0") != "0" else content

        with serving(respond) as server:
            try:
                return use(DicomwebArchive(Server(server.source, timeout=1)))
            except IODeepError:
                return False

    return read


def _with_length(answer: bytes) -> bytes:
    start, _, body = answer.partition(_END)
    return start + f"\r\nContent-Length: {len(body)}".encode() + _END + body


def _compressed(answer: bytes) -> bytes:
    start, _, body = answer.partition(_END)
    return start + b"\r\nContent-Encoding: gzip" + _END + gzip.compress(body)
