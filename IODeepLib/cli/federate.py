"""Tune a model together with other sites, over nothing but a PACS."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console
from IODeepLib.cli.verbs_below import VerbsBelow
from IODeepLib.errors import UsageError
from IODeepLib.text.wording import counted

if TYPE_CHECKING:
    from IODeepLib.federation.status import Status
    from IODeepLib.trust.signer import Signer

RULES = ("mean", "median", "trimmed")
_MOST_HOURS = 24 * 366


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = VerbsBelow(parser)
    start = _below(verbs, "start", _start)
    start.add_argument("--model", required=True, metavar="NAME[@VERSION]", help="what is tuned")
    start.add_argument(
        "--site",
        type=Path,
        action="append",
        default=[],
        metavar="CERT",
        help="certificate of a site that may take part; may be repeated [whoever is trusted here]",
    )
    start.add_argument("--minimum", type=int, default=2, metavar="N", help="of sites [2]")
    start.add_argument("--hours", type=float, default=48.0, metavar="N", help="until it ends [48]")
    start.add_argument(
        "--clip", type=float, default=1.0, metavar="NORM", help="longest difference of a site [1]"
    )
    start.add_argument(
        "--noise", type=float, default=0.0, metavar="Z", help="that each site adds, in clips [0]"
    )
    start.add_argument(
        "--delta", type=float, default=1e-5, metavar="P", help="at which epsilon is told [1e-5]"
    )
    start.add_argument(
        "--rule", choices=RULES, default=RULES[0], help="how updates become one [mean]"
    )
    start.add_argument(
        "--trim", type=int, default=1, metavar="N", help="sites that 'trimmed' drops a side [1]"
    )
    start.add_argument("--rate", type=float, default=3e-4, metavar="R", help="of learning [0.0003]")
    start.add_argument("--steps", type=int, default=1000, metavar="N", help="of training [1000]")
    start.add_argument("--batch-size", type=int, default=2, metavar="N", help="patches a step [2]")
    start.add_argument(
        "--patch-size", metavar="N,N,N", help="voxels that it is trained on [as iodeep tune]"
    )
    start.add_argument("--version", metavar="X.Y.Z", help="of the new one [the next minor version]")
    arguments.add_key(start)
    join = _below(verbs, "join", _join)
    join.add_argument("cohort", type=Path, metavar="COHORT", help="file of 'iodeep cohort'")
    _add_folder(join)
    join.add_argument("--device", default="auto", metavar="NAME", help="cpu, cuda or auto [auto]")
    arguments.add_key(join)
    aggregate = _below(verbs, "aggregate", _aggregate)
    aggregate.add_argument(
        "--check", action="store_true", help="compute the outcome again and compare; no key needed"
    )
    aggregate.add_argument(
        "--cohort", type=Path, metavar="COHORT", help="to measure the new version on"
    )
    _add_folder(aggregate, required=False)
    arguments.add_key(aggregate)
    status = _below(verbs, "status", _status)
    arguments.add_key(status)


def _below(verbs: VerbsBelow, name: str, run: Any) -> argparse.ArgumentParser:
    below = verbs.add(name, run)
    below.add_argument("source", metavar="SOURCE", help=f"the PACS: {arguments.SOURCE}")
    return below


def _add_folder(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        required=required,
        metavar="DIR",
        help="new folder, or that of the same round",
    )
    parser.add_argument("--round", metavar="UID", help="which, where there are several")


def run(options: argparse.Namespace) -> None:
    options.run_below(options)


def _start(options: argparse.Namespace) -> None:
    """Announce a round."""
    from IODeepLib.federation.records import Rule, Settings
    from IODeepLib.federation.start import start
    from IODeepLib.trust.certificates import read_certificates

    if not 0 < options.hours <= _MOST_HOURS:
        raise UsageError(f"--hours {options.hours:g}", f"up to {_MOST_HOURS}", "correct --hours")
    signer = arguments.signer_of(options)
    source = arguments.source_of(options.source)
    catalog = arguments.models_in(source)
    model = arguments.some_models_in_use(catalog, options.model)[-1]
    with console.progress() as progress:
        said = start(
            source,
            source.fetch(model, progress),
            signer,
            deadline=datetime.now(UTC) + timedelta(hours=options.hours),
            minimum=options.minimum,
            clip=options.clip,
            noise=options.noise,
            delta=options.delta,
            rule=Rule(options.rule),
            trim=options.trim,
            sites=[read_certificates(path)[0].sha256 for path in options.site],
            settings=Settings(
                rate=options.rate,
                steps=options.steps,
                batch_size=options.batch_size,
                patch_size=_patch_size(options.patch_size),
            ),
            version=options.version,
            progress=progress,
        )
    lines = [f"{said.label}, UID {said.round_uid}, until {said.deadline}"]
    lines.append(
        "without noise: differences of weights can give away what they were made of"
        if not said.noise
        else _spent(said.earlier, said.noise, said.delta)
    )
    document = {"round": said.round_uid, "number": said.number, "deadline": said.deadline}
    console.emit(options, document, "\n".join(lines))


def _patch_size(words: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in words.split(",")) if words else ()
    except ValueError:
        raise UsageError(
            f"--patch-size {words}", "whole numbers, such as 64,64,64", "correct --patch-size"
        ) from None


def _join(options: argparse.Namespace) -> None:
    """Take part in a round with a cohort of one's own."""
    from IODeepLib.cohort import read_cohort
    from IODeepLib.federation.join import join
    from IODeepLib.federation.training import trainer

    signer = arguments.signer_of(options)
    cohort = read_cohort(options.cohort)
    source = arguments.source_of(options.source)
    with console.progress() as progress:
        train = trainer(cohort, options.device, progress)
        joined = join(
            source, signer, options.out, train, round_uid=options.round, progress=progress
        )
    said, cases = joined.about, joined.update.cases
    what = "sent" if joined.is_new else "was sent before"
    document = {"round": said.round_uid, "cases": cases, "sent_now": joined.is_new}
    text = f"{said.label}: an update of {counted(cases, 'case')} {what}"
    console.emit(options, document, f"{text}\n{_spent(said.earlier, said.noise, said.delta)}")


def _aggregate(options: argparse.Namespace) -> None:
    """End a round: average, publish, say how it came about; or check that of another one."""
    source = arguments.source_of(options.source)
    if options.check:
        _check(options)
        return
    from IODeepLib.federation.aggregate import aggregate

    if options.out is None:
        raise UsageError("no --out", "a folder in which the round is ended", "add it")
    signer = arguments.signer_of(options)
    measure = None
    with console.progress() as progress:
        if options.cohort is not None:
            from IODeepLib.cohort import read_cohort
            from IODeepLib.federation.training import measurer

            measure = measurer(read_cohort(options.cohort), progress)
        outcome = aggregate(
            source,
            signer,
            options.out,
            round_uid=options.round,
            measure=measure,
            progress=progress,
        )
    document = {
        "round": outcome.round_uid,
        "version": outcome.version,
        "card": outcome.card_uid,
        "network_sha256": outcome.digest,
        "epsilon": outcome.epsilon,
        "taken": [_who(one.name, one.site) | {"cases": one.cases} for one in outcome.taken],
        "refused": [_who(one.name, one.site) | {"why": one.why} for one in outcome.refused],
    }
    lines = [f"{outcome.version} of {counted(len(outcome.taken), 'update')}"]
    lines += [f"  {one.name}: {one.weight} of {one.cases} cases" for one in outcome.taken]
    lines += [f"  refused, {one.name or 'nobody'}: {one.why}" for one in outcome.refused]
    console.emit(options, document, "\n".join(lines))


def _check(options: argparse.Namespace) -> None:
    """Compute the outcome of a round again."""
    from IODeepLib.disk.files import temporary_folder
    from IODeepLib.federation.reproduce import check_outcome
    from IODeepLib.federation.rounds import Found, find_rounds
    from IODeepLib.federation.signers import Signers

    source = arguments.source_of(options.source)
    with temporary_folder() as folder, console.progress() as progress:
        found = find_rounds(source, folder / "rounds", Signers())
        ended = tuple(one for one in found.rounds if one.outcome is not None)
        one = Found(ended, found.refused).named(options.round)
        check_outcome(source, one, folder / "updates", progress)
    assert one.outcome is not None  # noqa: S101 - see above
    document = {"round": one.said.round_uid, "network_sha256": one.outcome.digest, "same": True}
    text = f"{one.said.label}: computed again, the same bits (SHA-256 {one.outcome.digest})"
    console.emit(options, document, text)


def _status(options: argparse.Namespace) -> None:
    """Show the rounds: who took part, who is missing, what was refused and why."""
    from IODeepLib.disk.files import temporary_folder
    from IODeepLib.federation.status import status

    signer: Signer | None = arguments.signer_of(options) if options.key else None
    with temporary_folder() as folder:
        stands, refused = status(arguments.source_of(options.source), folder, signer)
    document = {
        "rounds": [_document(one) for one in stands],
        "refused": [{"study": study, "why": why} for study, why in refused.items()],
    }
    lines = [line for one in stands for line in _lines(one)]
    lines += [f"not a round here: {study}: {why}" for study, why in refused.items()]
    console.emit(options, document, "\n".join(lines) or "no rounds")


def _document(one: Status) -> dict[str, Any]:
    said, outcome = one.announced.said, one.announced.outcome
    return {
        "round": said.round_uid,
        "number": said.number,
        "model": said.model,
        "parent": said.parent,
        "version": said.version,
        "coordinator": one.announced.by.name,
        "deadline": said.deadline,
        "open": one.announced.is_open,
        "ended": outcome is not None,
        "sent": [_who(who.name, who.sha256) for who in one.sent],
        "missing": list(one.missing),
        "refused": [_who(which.name, which.site) | {"why": which.why} for which in one.refused],
        "minimum": said.least,
        "epsilon": one.epsilon,
        "delta": said.delta,
        "network_sha256": outcome.digest if outcome else None,
    }


def _lines(one: Status) -> list[str]:
    said, outcome = one.announced.said, one.announced.outcome
    if outcome is not None:
        state = f"ended: {outcome.version}, SHA-256 {outcome.digest[:12]}"
    else:
        state = f"{'open until' if one.announced.is_open else 'over since'} {said.deadline}"
    lines = [f"{said.label}, by {one.announced.by.name}: {state} ({said.round_uid})"]
    names = ", ".join(who.name for who in one.sent) or "nobody"
    lines.append(f"  sent: {names} ({len(one.sent)} of {said.least} at least)")
    if one.missing:
        lines.append(f"  missing: {', '.join(site[:12] for site in one.missing)}")
    lines += [f"  refused, {which.name or 'nobody'}: {which.why}" for which in one.refused]
    lines.append(f"  {_spent(said.earlier, said.noise, said.delta)}")
    return lines


def _spent(earlier: Sequence[float], noise: float, delta: float) -> str:
    from IODeepLib.federation.accountant import epsilon

    spent = epsilon((*earlier, noise), delta)
    if spent is None:
        return "epsilon: without bound, for there is a round without noise"
    return f"epsilon: {spent:.3g} at delta {delta:g}, for all that one site has"


def _who(name: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "certificate_sha256": sha256}
