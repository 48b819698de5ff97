"""A network trained: steps, looks at held-out patients, and what is kept on the way."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from msgspec.structs import replace

from IODeepLib.disk.locks import take
from IODeepLib.errors import ModelError, UsageError
from IODeepLib.machine.ahead import ahead
from IODeepLib.machine.cores import usable_threads
from IODeepLib.machine.interruptible import check_wanted
from IODeepLib.machine.progress import Progress
from IODeepLib.network.runtime import open_session
from IODeepLib.recipe import Recipe, recipe_to_json
from IODeepLib.text.records import dump
from IODeepLib.training import checkpoint
from IODeepLib.training.checkpoint import Look, State
from IODeepLib.training.examples import Example, Loaded, Store
from IODeepLib.training.loss import Loss
from IODeepLib.training.sampling import Batch, Sampler
from IODeepLib.training.settings import Optimizer, Settings, rate_at
from IODeepLib.training.torch_network import TorchNetwork
from IODeepLib.training.trainable import trained_stage
from IODeepLib.training.validation import validate

_log = logging.getLogger(__name__)

# Batches that wait for a card; the processor makes them while the card computes.
_AHEAD_OF_CARD = 4
_PREPARING = 0.05  # the share of the progress


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training.

    Attributes:
        weights: the best ones, by the initializers' names; without held-out patients the last.
        history: looks at the held-out patients, the first one before the first step.
        best: after how many steps the weights were so.
        examples: prepared cases: of the training, and held-out ones.
    """

    weights: dict[str, npt.NDArray[np.float32]]
    history: tuple[Look, ...]
    best: int
    examples: tuple[Sequence[Example], Sequence[Example]]


def train(
    network: TorchNetwork,
    recipe: Recipe,
    training: Sequence[Loaded],
    validation: Sequence[Loaded],
    settings: Settings,
    folder: Path,
    *,
    identity: str = "",
    device: str = "auto",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Trained:
    """Train a network; killed at any moment, the same call goes on where it was.

    On the processor the same call gives the same weights, whether it was interrupted or not.

    Args:
        network: what is trained; it has the best weights afterwards.
        recipe: of the model that it is of: how images are prepared, what scores mean.
        training: cases, each asked for when it is prepared, and then no more.
        validation: held-out ones; without any, all steps are made and the last weights are taken.
        settings: how.
        folder: for what is kept on the way: prepared cases, which are images of patients, and the
            checkpoint. It belongs to this training alone.
        identity: what tells these cases from others, such as the digest of their cohort.
        device: "cpu", "cuda", or "auto" for a card where there is one.
        progress: called with the fraction done and a message; it may raise to stop.
        cancelled: asked before each step.

    Raises:
        UsageError: the model cannot be trained so far, or the settings do not go with it.
        ImageError: a case cannot be read.
        ModelError: the network fails, its loss is no number, or the folder is of another training.
        CancelledError: `cancelled` said so; the folder stays, to go on from.
        OutputError: the folder cannot be written.
    """
    stage = trained_stage(recipe)
    if not training:
        raise UsageError("no cases to train on", "one or more", "split the cohort otherwise")
    # What would not be run here is refused before PyTorch computes any of it.
    open_session(network.model, network.network, providers="cpu", to_run=False)
    on = _device(device)
    what = _digest(network, recipe, settings, identity, (len(training), len(validation)))
    with _alone(folder), _threads():
        stores = (
            Store(folder / "training", training, recipe),
            Store(folder / "held-out", validation, recipe),
        )
        _prepare(stores, progress, cancelled)
        sampler = Sampler(stores[0], stage.input, recipe.labels, settings)
        network.to(on)
        optimizer = optimizer_of(network, settings)
        loss_of = Loss(stage.output, network.activation)
        order = ["NC" + stage.input.spatial_axes, stage.input.axis_order]
        there, back = _turns(*order), _turns(*reversed(order))

        def look(step: int, loss: float | None) -> Look:
            dice = validate(network, stage, stores[1], on, cancelled) if len(stores[1]) else None
            return Look(step, dice, loss)

        found = checkpoint.load(folder, what, network, optimizer)
        if found is None:
            state = State(what, looks=(look(0, None),))
            best = _copies(network)
            checkpoint.save(folder, state, network, best, optimizer)
        else:
            state, best = found
        losses: list[float] = []
        with closing(_batches(sampler, state, settings, on)) as batches:
            for batch in batches:
                check_wanted(cancelled)
                _set_rate(optimizer, rate_at(state.step, settings))
                images = torch.from_numpy(batch.images).to(on)
                truth = torch.from_numpy(batch.truths).to(on)
                with _mixed(on):
                    scores = network.scores(images.permute(there)).permute(back)
                    loss = loss_of(scores, truth, batch.unknown)
                losses.append(step(network, optimizer, loss, settings, state.step))
                state = replace(state, step=state.step + 1)
                _tell(progress, state, settings, losses[-1])
                last = state.step == settings.steps
                if state.step % settings.validate_every and not last:
                    continue
                state = _looked(state, look(state.step, float(np.mean(losses))), settings)
                losses.clear()
                if state.best == state.step:
                    best = _copies(network)
                checkpoint.save(folder, state, network, best, optimizer)
                if state.ended:
                    break
        with torch.no_grad():
            for name, parameter in network.parameters_by_name.items():
                parameter.copy_(best[name])
        network.to("cpu")
        return Trained(network.weights(), state.looks, state.best, stores)


def _prepare(
    stores: Sequence[Store], progress: Progress | None, cancelled: Callable[[], bool] | None
) -> None:
    count = sum(map(len, stores))
    done = 0
    for store in stores:
        for number in range(len(store)):
            check_wanted(cancelled)
            store[number]
            done += 1
            if progress is not None:
                progress(_PREPARING * done / count, f"preparing case {done} of {count}")


def _batches(
    sampler: Sampler, state: State, settings: Settings, device: torch.device
) -> Generator[Batch, None, None]:
    steps = range(settings.steps if state.ended else state.step, settings.steps)
    most = 0 if device.type == "cpu" else _AHEAD_OF_CARD
    return ahead((sampler.batch(step) for step in steps), most)


def step(
    network: TorchNetwork,
    optimizer: torch.optim.Optimizer,
    loss: torch.Tensor,
    settings: Settings,
    number: int,
) -> float:
    """One step of the optimizer, counted from 0; the loss as a number."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    length = torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
    value = float(loss.detach())
    if not (math.isfinite(value) and torch.isfinite(length)):
        raise ModelError(
            f"{network.label}: a loss of {value:g} and a gradient of length {float(length):g} in "
            f"step {number + 1}",
            "finite numbers",
            "take a lower rate",
        )
    optimizer.step()
    return value


def _looked(state: State, look: Look, settings: Settings) -> State:
    """The state after a look: what is best, and whether it is over."""
    looks = (*state.looks, look)
    known = {one.step: one.dice for one in looks if one.dice is not None}
    # Of equals the later one: it saw more.
    best = max(known, key=lambda step: (known[step], step)) if known else look.step
    since = sum(one.step > best for one in looks)
    worn = bool(settings.patience and known and since >= settings.patience)
    ended = look.step == settings.steps or worn
    _log.info("step %d: loss %s, Dice %s", look.step, look.loss, look.dice)
    return replace(state, looks=looks, best=best, ended=ended)


def optimizer_of(network: TorchNetwork, settings: Settings) -> torch.optim.Optimizer:
    """What makes the steps."""
    parameters, rate = list(network.parameters()), settings.rate
    if settings.optimizer == Optimizer.ADAMW:
        return torch.optim.AdamW(parameters, rate, weight_decay=settings.weight_decay)
    return torch.optim.SGD(
        parameters, rate, momentum=0.99, nesterov=True, weight_decay=settings.weight_decay
    )


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _copies(network: TorchNetwork) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in network.parameters_by_name.items()}


def _device(name: str) -> torch.device:
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise UsageError("the device cuda", "a card that PyTorch can use", "take cpu or auto")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and there) else "cpu")


def _mixed(device: torch.device) -> torch.autocast:
    """Half precision (bfloat16) on a card that has it."""
    enabled = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def _turns(from_: str, to: str) -> tuple[int, ...]:
    """What brings the axes `from_` to the order `to`."""
    return tuple(from_.index(letter) for letter in to)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A block in which no other process trains in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = take(folder / "lock")
    if lock is None:
        raise UsageError(
            f"{folder}, in which another process trains",
            "one at a time",
            "wait for it, or name another folder",
        )
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _threads() -> Iterator[None]:
    """As many threads as there are cores to be used, while it trains."""
    before = torch.get_num_threads()
    torch.set_num_threads(usable_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tell(progress: Progress | None, state: State, settings: Settings, loss: float) -> None:
    if progress is None:
        return
    dice = state.looks[-1].dice
    known = "" if dice is None else f", Dice {dice:.3f} after {state.looks[-1].step}"
    fraction = _PREPARING + (1 - _PREPARING) * state.step / settings.steps
    progress(fraction, f"step {state.step} of {settings.steps}, loss {loss:.3f}{known}")


def _digest(
    network: TorchNetwork,
    recipe: Recipe,
    settings: Settings,
    identity: str,
    counts: tuple[int, int],
) -> str:
    """What tells this training from every other one."""
    parts = [recipe_to_json(recipe), json.dumps(dump(settings)), identity, repr(counts)]
    digest = hashlib.sha256("\n".join(parts).encode())
    for name, values in network.weights().items():
        digest.update(name.encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
