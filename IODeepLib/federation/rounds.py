"""The rounds in a source, and what has been said in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from IODeepLib.errors import InputError, SourceError, UsageError
from IODeepLib.federation.records import MOST_SITES, Outcome, Round, Update
from IODeepLib.federation.signers import Signed, Signers
from IODeepLib.federation.statement import (
    MOST_BYTES,
    PATIENT_ID,
    SERIES,
    Said,
    Statement,
    read_statement,
)
from IODeepLib.machine.progress import Progress
from IODeepLib.sources import Source
from IODeepLib.sources.archive import Entity, TransientError

# Objects of one kind in a study: so many are there only where somebody wants to keep us busy.
_MOST = 10 * MOST_SITES


def now() -> datetime:
    """By the clock of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Announced:
    """A round that somebody announced whom this site believes.

    Attributes:
        said: what it asks for.
        by: its coordinator.
        statement: the object.
        outcome: how it ended; None if it did not yet.
    """

    said: Round
    by: Signed
    statement: Statement[Round]
    outcome: Outcome | None = None

    @property
    def is_open(self) -> bool:
        """Whether updates are still taken."""
        return self.outcome is None and now() <= self.said.due


@dataclass(frozen=True)
class Found:
    """What there is of rounds in a source.

    Attributes:
        rounds: those that count here, the newest last.
        refused: why each other one does not, by the UID of its study.
    """

    rounds: tuple[Announced, ...]
    refused: dict[str, str]

    def named(self, uid: str | None) -> Announced:
        """The round of this UID, or the only one.

        Raises:
            UsageError: there is none, or there are several.
        """
        found = [one for one in self.rounds if uid in (None, one.said.round_uid)]
        if len(found) == 1:
            return found[0]
        there = "; ".join(f"{one.said.label}, UID {one.said.round_uid}" for one in found)
        refused = "; ".join(f"{which}: {why}" for which, why in self.refused.items())
        raise UsageError(
            (there or "no round") + (f" ({refused})" if refused and not found else ""),
            "one round" if found else "a round by a coordinator in this site's trust list",
            "name it with --round" if found else "see 'iodeep federate status'",
        )


def find_rounds(source: Source, folder: Path, signers: Signers) -> Found:
    """The rounds in a source; their objects are copied to `folder`.

    Raises:
        SourceError: the PACS failed.
    """
    rounds: dict[str, list[Announced]] = {}
    refused: dict[str, str] = {}
    for study, path in _fetched(source, Round, "", folder):
        try:
            statement = _read(Round, path)
            said = statement.said
            by = signers.of_coordinator(statement, said)
        except InputError as error:
            refused[study] = f"{error.found}; wanted: {error.wanted}"
        else:
            rounds.setdefault(said.round_uid, []).append(Announced(said, by, statement))
    ended = []
    for uid, announced in rounds.items():
        refused.pop(uid, None)  # what a stranger has put beside it changes nothing
        if len(announced) > 1:
            refused[uid] = f"{len(announced)} announcements of one round; wanted: one"
            continue
        ended.append(_with_outcome(source, announced[0], folder, signers))
    ended.sort(key=lambda one: (one.said.model, one.said.number, one.said.deadline))
    return Found(tuple(ended), refused)


def updates_of(source: Source, about: Round, folder: Path) -> Iterator[Statement[Update] | str]:
    """The updates in a round; or what is wrong with one."""
    for _, path in _fetched(source, Update, about.round_uid, folder):
        try:
            yield _read(Update, path)
        except InputError as error:
            yield f"{error.found.replace(str(path), 'an object')}; wanted: {error.wanted}"


def difference_files(
    source: Source, about: Round, update: Update, folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Copies, in `folder`, of the parts of a difference.

    Raises:
        InputError: they are not there.
        SourceError: the PACS failed, or sent more than the update announces.
    """
    if progress:
        progress(0.0, "fetching a difference")
    series = Entity(about.round_uid, update.weights.series_instance_uid, "", _patient())
    most = max(part.length for part in update.weights.parts) + MOST_BYTES
    there = source.instances(series.study_uid, series.series_uid)
    wanted = {part.sop_instance_uid for part in update.weights.parts}
    if lost := sorted(wanted - there):
        raise InputError(
            f"part {lost[0]} of its difference is not there", "all parts", "have it sent again"
        )
    if odd := there - wanted:
        raise InputError(
            f"{len(odd)} other objects are in the series of its difference",
            "its parts alone",
            "have them removed",
        )
    return source.files_of(series, folder, most)


def _with_outcome(source: Source, one: Announced, folder: Path, signers: Signers) -> Announced:
    """The round with its outcome, which its own coordinator has signed."""
    for _, path in _fetched(source, Outcome, one.said.round_uid, folder):
        try:
            found = _read(Outcome, path)
            by = signers.of_coordinator(found, one.said)
        except InputError:
            continue
        if by.key == one.by.key and found.said.parent_digest == one.said.parent_digest:
            return Announced(one.said, one.by, one.statement, found.said)
    return one


def _fetched(
    source: Source, kind: type[Said], study: str, folder: Path
) -> Iterator[tuple[str, Path | SourceError]]:
    """The study and a copy of each statement of a kind; of all studies if none is named.

    An object that cannot be had, or is too long to be one, does not stand in the way of others.
    """
    keys = {**_patient(), "SeriesNumber": str(SERIES[kind])}
    if study:
        keys["StudyInstanceUID"] = study
    series = source.series(keys)
    if len(series) > _MOST:
        raise SourceError(
            f"{source.name} has {len(series)} objects of rounds",
            f"at most {_MOST}",
            "have those removed that nobody needs",
        )
    for one in series:
        # An archive may answer without all that it was asked for.
        if study in ("", one.study_uid):
            where = folder / f"{SERIES[kind]}-{one.series_uid}"
            count = one.instance_count or len(source.instances(one.study_uid, one.series_uid))
            if count > 1:
                found = f"{count} objects in the series {one.series_uid}"
                yield one.study_uid, SourceError(found, "one", "have the others removed")
                continue
            try:
                paths = source.files_of(one, where, MOST_BYTES)
            except TransientError:
                raise
            except SourceError as error:
                yield one.study_uid, error
            else:
                for path in paths:
                    yield one.study_uid, path


def _read(kind: type[Said], path: Path | SourceError) -> Statement[Said]:
    if isinstance(path, SourceError):
        raise InputError(path.found, path.wanted, path.next_step)
    return read_statement(kind, path)


def _patient() -> dict[str, str]:
    return {"PatientID": PATIENT_ID}
