"""The stages of a model on the images of one examination, one after the other.

In memory at once are the networks, the image and the scores of one stage, and of earlier ones a map
of labels on the voxels of the series as long as a later one reads it.
"""

from __future__ import annotations

import functools
import logging
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Box
from IODeepLib.inference import performed
from IODeepLib.inference.classification import Classification, classify
from IODeepLib.inference.decision import decide, needs_highest_alone
from IODeepLib.inference.device_blending import can_blend, score_slabs_from
from IODeepLib.inference.network_run import score_channels
from IODeepLib.inference.occlusion import Occlusion, occlude
from IODeepLib.inference.postprocess import postprocess, steps_on_network
from IODeepLib.inference.preprocess import Earlier, Prepared, prepare
from IODeepLib.inference.region import Painting, region_box
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.inference.sliding_window import Slab, score_bytes, score_slabs
from IODeepLib.inference.stage_terms import How, StageOutcome
from IODeepLib.machine.memory import check_room
from IODeepLib.network import agreement
from IODeepLib.network.predictor import Ensemble
from IODeepLib.network.session import Session
from IODeepLib.recipe import Activation, AfterStep, Blend, Input, Recipe, Stage, Task

_log = logging.getLogger(__name__)

# Layers of `Segmentation.confidence` of a single network: probability and entropy.
_WITHOUT_VOTES = 2
_NO_PROBABILITIES = (
    "no confidence is given: the network's scores are no probabilities (not from 0 to 1), and the "
    "recipe names no output.activation that makes them some"
)


class StageRun:
    """Runs the stages of a recipe.

    Args:
        recipe: the recipe.
        how: how they are run.
        stages: those of the recipe that are run, in order.

    Attributes:
        outcomes: what became of the stages so far.
        notes: sentences on what was done.
        providers: the execution providers that ran most of a network, in the order of stages, and
            which of them ran it rewritten.
        session_notes: what should be said of the networks.
        threads: how many threads they compute with.
        occlusion: what a network that judges the whole image looks at, where it was asked for.
        steps: sentences on what was done to the images, and how the networks were run.
    """

    def __init__(self, recipe: Recipe, how: How, stages: Sequence[Stage]) -> None:
        self._recipe, self._how, self._stages = recipe, how, stages
        self._sessions: tuple[str, list[Session]] = ("", [])
        self._earlier = Earlier({}, {})
        self._painting: Painting | None = None
        self._same: Prepared | None = None  # for the next stage, if it is given the same image
        self.outcomes: list[StageOutcome] = []
        self.notes: list[str] = []
        self.providers: dict[str, None] = {}
        self.session_notes: dict[str, None] = {}
        self.threads = 0
        self.occlusion: Occlusion | None = None
        self.steps: list[str] = []

    def open(self, stage: Stage) -> list[Session]:
        """The networks of a stage, held against the recipe; those of others are closed.

        Raises:
            RecipeError: recipe and network contradict each other.
            ModelError: a network cannot be run.
        """
        name, sessions = self._sessions
        if sessions and name == stage.name:
            return sessions
        self._sessions = "", []
        sessions = []
        for network in stage.network_names:
            session = self._how.open_network(network)
            agreement.check(self._recipe, stage, session)
            shape = agreement.fixed_shape(stage, session)
            if shape is not None:
                session = session.proved(shape)
                if self._how.rewritten:
                    session.rewrite(shape)
            self.providers[session.engine] = None
            self.session_notes.update(dict.fromkeys(session.notes))
            self.threads = session.threads
            sessions.append(session)
        self._sessions = stage.name, sessions
        return sessions

    def find_all(self, images: list[Volume]) -> Segmentation | Classification:
        """What all stages find, on the voxels of the first image.

        Args:
            images: one for each of the recipe's series channels. The list is emptied when the last
                stage has its own, so that they need not be held any longer.

        Raises:
            ImageError: the images cannot be used; or nothing was found that could be classified.
            ModelError: a network fails, or there is no memory for it.
            CancelledError: `cancelled` said so.
        """
        source = images[0].grid
        found: Segmentation | Classification | None = None
        stages = self._stages
        for number, stage in enumerate(stages):
            began = time.monotonic()
            box = self._box(stage, source)
            found = None
            if box is not None:
                given = self._same is not None
                prepared = self._prepared(number, stage, images, box)
                self._say(stage, prepared, source, box, given)
                last = number == len(stages) - 1
                if last:
                    images.clear()
                found = self._infer(number, stage, prepared, source)
                self._earlier.measured[stage.name] = prepared.measured
                if not last and self._read_the_same(stage, stages[number + 1]):
                    self._same = prepared
                del prepared
            if self._recipe.task_of(stage) is Task.SEGMENTATION:
                assert not isinstance(found, Classification)  # noqa: S101 - see _infer
                found = self._kept(number, stage, source, box, found)
            self._end(stage, found, ran=box is not None, seconds=time.monotonic() - began)
        self._sessions = "", []
        if found is None:
            raise ImageError(
                f"no {self._missing(stages[-1])} in the image",
                f"it: what {self._recipe.title!r} judges lies there",
                "choose another series",
            )
        return found

    def _box(self, stage: Stage, source: Grid) -> Box | None:
        """The voxels of the series that a stage is given; None where it has nothing to look at."""
        a0, a1, a2 = source.shape
        whole = slice(0, a0), slice(0, a1), slice(0, a2)
        if stage.region is None:
            return whole if self._has_values(stage) else None
        box = region_box(self._earlier.labels[stage.region.stage], stage.region)
        if box is None:
            self.notes.append(f"stage {stage.name} was not run: {self._missing(stage)} was found")
        return box if box is None or self._has_values(stage) else None

    def _missing(self, stage: Stage) -> str:
        region = stage.region
        assert region is not None  # noqa: S101 - or else the stage was run
        return f"none of {', '.join(region.labels or ('the labels',))} of stage {region.stage}"

    def _has_values(self, stage: Stage) -> bool:
        """Whether the stages were run whose measured values this one takes."""
        missing = sorted(stage.measured_by - {*self._earlier.measured})
        self.notes += [
            f"stage {stage.name} was not run: it takes values that stage {name}, which was not "
            "run, would have measured"
            for name in missing[:1]
        ]
        return not missing

    def _prepared(self, number: int, stage: Stage, images: Sequence[Volume], box: Box) -> Prepared:
        """The image that a stage's networks read: of the box, as if there were nothing else."""
        self.open(stage)
        self._how.began(number, True)
        if self._same is not None:
            same, self._same = self._same, None
            return same
        source = images[0].grid
        own = [images[i] for i in self._recipe.series_of(stage)]
        if stage.region is None:
            return self._prepare(stage, own, source, self._earlier)
        own = [image.cropped(box) if image.grid is source else image for image in own]
        grid = source.cropped(
            [part.start for part in box], [part.stop - part.start for part in box]
        )
        labels = {
            name: Segmentation(found.array[..., *box], grid, found.labels)
            for name, found in self._earlier.labels.items()
        }
        earlier = Earlier(labels, self._earlier.measured)
        return self._prepare(stage, own, grid, earlier)

    def _prepare(
        self, stage: Stage, images: Sequence[Volume], source: Grid, earlier: Earlier
    ) -> Prepared:
        input_ = self._how.inputs[stage.name]
        return prepare(images, input_, source, earlier, sized=self._how.sized)

    def _say(self, stage: Stage, prepared: Prepared, source: Grid, box: Box, given: bool) -> None:
        """What is done in a stage; `given` is whether the one before had the same image."""
        said = ["given the image of the stage before"] if given else [*prepared.steps]
        if stage.region is not None and not given:
            said.insert(0, performed.looked_at(source.shape, box, stage.region))
        input_ = self._how.inputs[stage.name]
        task = self._recipe.task_of(stage)
        said += performed.networks(stage, input_, prepared.network.shape, task)
        self.steps += [f"stage {stage.name}: {one}" if stage.name else one for one in said]

    def _read_the_same(self, one: Stage, other: Stage) -> bool:
        """Whether two stages are given just the same image, as parts of one label set are."""
        return (
            self._how.inputs[one.name] == self._how.inputs[other.name]
            and one.region is other.region is None
            and all(channel.stage is None for channel in other.input.channels)
            and not other.measured_by
        )

    def _infer(
        self, number: int, stage: Stage, prepared: Prepared, source: Grid
    ) -> Segmentation | Classification:
        how, task = self._how, self._recipe.task_of(stage)
        predict = Ensemble(stage, self.open(stage))
        input_, output = how.inputs[stage.name], stage.output
        if len(stage.network_names) > 1 and output.ensemble is Blend.PROBABILITIES:
            output = replace(output, activation=Activation.NONE)  # each network had its own
        progress = how.began(number, False)
        if task is not Task.SEGMENTATION:
            shared: dict[str, Any] = {
                "task": task,
                "batch": predict.batch,
                "progress": progress,
                "cancelled": how.cancelled,
            }
            if not how.occlusion:
                return classify(prepared.array, input_, output, predict, **shared)
            shared |= {"blocks": how.occlusion, "sized": how.sized}
            judged, self.occlusion = occlude(prepared, source, input_, output, predict, **shared)
            return judged
        layers = self._confidence_layers if self._is_result(stage) else 0
        voting = layers > _WITHOUT_VOTES
        given = prepared.array, input_, output, predict
        asked: dict[str, Any] = {"progress": progress, "cancelled": how.cancelled}
        wanted: dict[str, Any] = {
            "want_probabilities": how.probabilities and self._is_result(stage),
            "confidence_layers": layers,
        }

        def blended_here(reason: str = "") -> Iterator[Slab]:
            self.notes += [reason] if reason else []
            overlapped = not predict.uses_cores
            self._check_memory(
                stage, input_, prepared, predict.batch, voting=voting, overlapped=overlapped
            )
            more = {"batch": predict.batch, "voting": voting, "overlapped": overlapped, **asked}
            return score_slabs(*given, **more)

        if predict.device and can_blend(predict, input_, output, voting=voting):
            slabs = score_slabs_from(
                predict.device,
                *given,
                **asked,
                highest_alone=needs_highest_alone(prepared, output, **wanted),
                otherwise=blended_here,
            )
        else:
            slabs = blended_here()
        early, late = steps_on_network(stage.after if stage.name else self._recipe.after, output)
        found = decide(
            slabs,
            prepared,
            output,
            **wanted,
            on_network=functools.partial(self._tidied, stage, early) if early else None,
        )
        if layers and found.confidence is None:
            self.notes.append(_NO_PROBABILITIES)
        # What is left to do for the only stage of a model is done on the whole result.
        return self._tidied(stage, late, found) if stage.name else found

    @property
    def _confidence_layers(self) -> int:
        """Of `Segmentation.confidence`; votes are among them if all of the result comes of some."""
        if not self._how.confidence:
            return 0
        results = filter(self._is_result, self._stages)
        return _WITHOUT_VOTES + all(self._voters(one) > 1 for one in results)

    def _voters(self, stage: Stage) -> int:
        """How many networks and mirror images a stage takes the mean of."""
        return len(stage.network_names) << len(self._how.inputs[stage.name].mirror)

    def _tidied(
        self, stage: Stage, steps: Sequence[AfterStep], found: Segmentation
    ) -> Segmentation:
        found, notes = postprocess(found, steps, sized=self._how.sized)
        self.notes += [f"stage {stage.name}: {note}" if stage.name else note for note in notes]
        return found

    def _check_memory(
        self,
        stage: Stage,
        input_: Input,
        prepared: Prepared,
        batch: int,
        *,
        voting: bool,
        overlapped: bool,
    ) -> None:
        """Whether the scores have room, before anything is computed.

        Raises:
            ModelError: they have not.
        """
        sizes = prepared.network.shape
        size = input_.patch_size or sizes[-input_.spatial_dims :]
        channels = score_channels(stage.output)
        voters = self._voters(stage) if voting else 0
        needed = score_bytes(sizes, input_, stage.output, batch, voters, overlapped=overlapped)
        if len(stage.network_names) > 1:  # the sum over the networks, beside the last one's
            needed += 4 * channels * batch * math.prod(size)
        what = f"the scores of {channels} channels at {' × '.join(map(str, size))} voxels"
        notes = check_room(needed, what, "a network that reads patches or has fewer labels")
        for note in notes:
            _log.warning(note)
        self.notes += notes

    def _is_result(self, stage: Stage) -> bool:
        return stage.name in {one.name for one in self._recipe.result_stages}

    def _kept(
        self, number: int, stage: Stage, source: Grid, box: Box | None, found: Segmentation | None
    ) -> Segmentation:
        """What a stage found, on the voxels of the series; of the result, all that there is so far.

        It is kept for those that read it, and what nobody reads any more is not.
        """
        results = self._recipe.result_stages
        if self._is_result(stage):
            alone = len(results) == 1 and stage.region is None
            if alone and found is not None:
                return found
            recipe, how = self._recipe, self._how
            self._painting = self._painting or Painting(
                recipe.labels,
                source,
                overlapping=recipe.overlapping,
                probable=how.probabilities,
                confidence_layers=self._confidence_layers,
            )
            if found is not None and box is not None:
                self._painting.add(found, box)
            kept = self._painting.segmentation()
        elif found is not None and stage.region is None:
            kept = found
        else:
            output = stage.output
            own = Painting(output.labels, source, overlapping=output.overlapping, probable=False)
            if found is not None and box is not None:
                own.add(found, box)
            kept = own.segmentation()
        labels = self._earlier.labels
        labels[stage.name] = kept
        read = frozenset[str]().union(*(later.reads for later in self._stages[number + 1 :]))
        for name in [name for name in labels if name not in read]:
            del labels[name]
        return kept

    def _end(
        self,
        stage: Stage,
        found: Segmentation | Classification | None,
        *,
        ran: bool,
        seconds: float,
    ) -> None:
        volumes = None
        if self._how.sized and stage.name and isinstance(found, Segmentation):
            own = {label.name for label in stage.output.labels}
            volumes = {name: v for name, v in found.volumes().items() if name in own}
        outcome = StageOutcome(stage.name, stage.network_names, ran, volumes, seconds)
        self.outcomes.append(outcome)
