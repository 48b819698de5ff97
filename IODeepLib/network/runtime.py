"""The ONNX Runtime session over the weights where they lie in the DICOM files.

ONNX Runtime maps the tensors into memory from there: the session of a large network is ready at
once, and takes next to no memory of its own. It is opened, and runs, where it can be ended.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence

from IODeepLib.errors import IODeepError
from IODeepLib.machine.cores import usable_cores
from IODeepLib.model_object import Model
from IODeepLib.network.kept import KeptSessions
from IODeepLib.network.layout.trying import MOST_WEIGHTS
from IODeepLib.network.making import (
    LEAVE_IN_PLACE,
    for_questions,
    leave_in_place,
    made_session,
    options_for,
    refused,
)
from IODeepLib.network.onnx_runtime import (
    check_age,
    find_cuda,
    is_for_lack_of_memory,
    onnx_runtime,
    reason,
)
from IODeepLib.network.placement import placed
from IODeepLib.network.providers import AUTO, CPU, CUDA, choose, options_of
from IODeepLib.network.session import Session, Source, Watch

_log = logging.getLogger(__name__)


def open_session(
    model: Model,
    network: str = "",
    *,
    providers: str | Sequence[str] = "auto",
    threads: int | None = None,
    to_run: bool = True,
    cancelled: Callable[[], bool] | None = None,
    watch: Watch | None = None,
    kept: KeptSessions | None = None,
) -> Session:
    """A session that uses the weights in the DICOM files. They are not verified: see `verify`.

    Args:
        model: a model with all its parts.
        network: which of its networks; the only one of a model has no name.
        providers: "auto" for the best one that works, or the names of those to use; then it is an
            error if the first of them does not start.
        threads: how many threads to compute with; None for the physical cores that this process
            may use, or OMP_NUM_THREADS.
        to_run: whether it will be run, and not only asked for its inputs and outputs: preparing
            the weights for that can take as much memory as they have, or more.
        cancelled: asked all the time, now and whenever it runs.
        watch: called with what it is given, an array for each input, before each run.
        kept: sessions of former runs; this one stays there for later ones.

    Raises:
        CancelledError: `cancelled` said so.
        ModelError: a part is missing, the architecture was altered, or ONNX Runtime refuses it.
        UsageError: a provider is not there, or does not start.
        IODeepError: ONNX Runtime itself cannot be loaded, or is too old.
        MemoryError: the network's constants do not fit into memory.
    """
    if kept is not None:
        how = (providers if isinstance(providers, str) else tuple(providers), threads, to_run)
        opened = functools.partial(
            open_session,
            model,
            network,
            providers=providers,
            threads=threads,
            to_run=to_run,
            cancelled=cancelled,
        )
        return kept.session(model, network, how, opened, cancelled, watch)
    try:
        onnxruntime = onnx_runtime()
    except ImportError as error:
        raise IODeepError(
            f"ONNX Runtime cannot be loaded ({reason(error)})",
            "the Python package onnxruntime, and the system libraries that it needs",
            "install onnxruntime; on Windows also Microsoft's Visual C++ runtime (vc_redist.x64)",
        ) from error
    check_age()

    content, folder, notes = placed(model, network)
    label = f"{model.label}, network {network}" if network else model.label
    weights = sum(part.length for part in model.card.parts_of(network))
    candidates = choose(providers, onnxruntime.get_available_providers())
    threads = usable_cores() if threads is None else threads
    automatic = providers == AUTO

    def first_of(attempts: Sequence[Sequence[str]], notes: Sequence[str]) -> Session:
        """With the first of them that starts."""
        attempt, *others = attempts
        options = options_for(folder, threads, attempt)
        if weights > LEAVE_IN_PLACE and not _reads_slices(model, network):
            leave_in_place(options)
        if not to_run:
            for_questions(options)
        if CUDA in attempt:
            find_cuda()
        offered = [(name, options_of(name, threads)) for name in attempt]
        made = made_session(content, options, offered, cancelled)
        if isinstance(made, Exception):
            failure = reason(made)
            if attempt[0] == CPU and is_for_lack_of_memory(made):
                raise MemoryError(failure)
        else:
            running = made.get_providers()
            if attempt[0] in running:
                _log.info("%s runs with %s, threads: %d", label, ", ".join(running), threads)
                source = Source(content, folder) if running == [CPU] else None
                source = source if weights <= MOST_WEIGHTS else None
                after = functools.partial(first_of, others) if others else None
                return Session(made, label, notes, threads, cancelled, watch, source, after)
            failure = f"it would run with {', '.join(running)} instead"
        if not automatic or attempt[0] == CPU:
            raise refused(label, attempt[0], failure)
        notes = (*notes, f"{attempt[0]} did not start ({failure})")
        _log.warning("%s: %s", label, notes[-1])
        if not others:
            raise refused(label, CPU, "; ".join(notes))
        return first_of(others, notes)

    # Automatically, one after the other; ONNX Runtime adds the CPU for what one cannot do.
    return first_of([[name] for name in candidates] if automatic else [candidates], notes)


def _reads_slices(model: Model, network: str) -> bool:
    """Whether a network is a 2D one: its weights are small beside what it computes with them."""
    return any(
        network in stage.network_names and stage.input.spatial_dims == 2
        for stage in model.card.recipe.all_stages
    )
