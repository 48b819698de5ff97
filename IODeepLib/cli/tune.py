"""Train a network on with a site's own cases, as a new version, and measure what that changes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import arguments, console
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.training.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", help=f"where the model is: {arguments.SOURCE}")
    parser.add_argument("cohort", type=Path, metavar="COHORT", help="file of 'iodeep cohort'")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    parser.add_argument(
        "--model", metavar="NAME[@VERSION]", help="which one, where MODEL holds several; or its UID"
    )
    parser.add_argument(
        "--version", metavar="X.Y.Z", help="of the new one [the next minor version]"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="of the training, at most [1000]")
    parser.add_argument("--rate", type=float, metavar="RATE", help="learning rate [0.0003]")
    parser.add_argument("--batch-size", type=int, metavar="N", help="patches in each step [2]")
    parser.add_argument(
        "--patch-size",
        metavar="N,N,N",
        help="voxels of the patches that it is trained on, in the order of the recipe's [the "
        "recipe's, or the whole image]",
    )
    parser.add_argument("--optimizer", choices=("adamw", "sgd"), help="[adamw]")
    parser.add_argument(
        "--validate-every",
        type=int,
        metavar="N",
        help="steps between two looks at the held-out patients; what was learned by then is kept "
        "[100]",
    )
    parser.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="looks without anything better before it ends; 0: any number [5]",
    )
    parser.add_argument(
        "--no-augmentation", action="store_true", help="train on patches as they are"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="what all chance is made of [0]")
    parser.add_argument(
        "--even-if-worse",
        action="store_true",
        help="write the new version even if it is no better on the held-out patients",
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="folder for what is kept on the way, images of patients among it; the same command "
        "goes on from there [DIR.work beside the new folder; it is removed in the end]",
    )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="what trains [auto]"
    )
    parser.add_argument(
        "--provider",
        default="auto",
        metavar="NAME",
        help="ONNX Runtime execution provider for the measurements [auto]",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads for the measurements [one a core]"
    )
    arguments.add_signing(parser)


def run(options: argparse.Namespace) -> None:
    from IODeepLib import pipeline
    from IODeepLib.cli.pack import described
    from IODeepLib.cohort import read_cohort
    from IODeepLib.model_object.new_version import next_version
    from IODeepLib.training.packages import check_packages
    from IODeepLib.training.tune import Options, tune

    settings = _settings(options)
    check_packages()
    signer = arguments.signer_if_asked(options)
    cohort = read_cohort(options.cohort)
    source = arguments.source_of(options.models)
    catalog = arguments.models_in(source)
    model = arguments.one_model(catalog, options.model, options.models)
    taken = {m.card.version for m in catalog.every if m.card.model_uid == model.card.model_uid}
    with console.progress() as progress:
        model = source.fetch(model, progress)
        how = Options(
            version=options.version or next_version(model.card.version, taken),
            even_if_worse=options.even_if_worse,
            work=options.work,
            device=options.device,
            run=pipeline.Options(provider=options.provider, threads=options.threads),
        )
        tuned, figures = tune(
            model, cohort, options.out, settings, how, signer=signer, progress=progress
        )
    document, text = described(tuned, options.out)
    document["parent"] = model.label
    document["measured"] = {
        "dataset": figures.dataset,
        "trained_on": figures.trained_on,
        "dice": {
            name: {"before": one.before, "after": one.after, "patients": one.patients}
            for name, one in figures.labels.items()
        },
    }
    lines = [text, f"against {model.label} on {figures.dataset}:"]
    lines += [f"  {line}" for line in figures.sentences()]
    console.emit(options, document, "\n".join(lines))


def _settings(options: argparse.Namespace) -> Settings:
    """What was said, and the defaults of the rest."""
    from IODeepLib.text.json_text import StructureError
    from IODeepLib.text.records import parse
    from IODeepLib.training.settings import Settings

    given: dict[str, Any] = {
        "steps": options.steps,
        "rate": options.rate,
        "batch_size": options.batch_size,
        "patch_size": None if options.patch_size is None else options.patch_size.split(","),
        "optimizer": options.optimizer,
        "validate_every": options.validate_every,
        "patience": options.patience,
        "augment": False if options.no_augmentation else None,
        "seed": options.seed,
    }
    if given["patch_size"] is not None:
        try:
            given["patch_size"] = [int(n) for n in given["patch_size"]]
        except ValueError:
            found = f"--patch-size {options.patch_size}"
            raise UsageError(found, "numbers with commas between them", "correct it") from None
    try:
        said = {key: value for key, value in given.items() if value is not None}
        settings: Settings = parse(Settings, said)
    except StructureError as error:
        option = "--" + error.path.removeprefix("$.").split("[")[0].replace("_", "-")
        raise UsageError(f"{option} {error.found}", error.wanted, f"correct {option}") from None
    return settings
