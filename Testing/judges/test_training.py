"""Networks trained on: they become better on held-out patients, and what was killed goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.demo_image import DEMO
from makers.shifted_brains import Brain, brain
from msgspec.structs import replace

torch = pytest.importorskip("torch")

from IODeepLib.errors import CancelledError, ModelError, UsageError  # noqa: E402
from IODeepLib.model_object import Model, write_model  # noqa: E402
from IODeepLib.recipe import Activation, Decision, read_recipe  # noqa: E402
from IODeepLib.training.checkpoint import NAME  # noqa: E402
from IODeepLib.training.examples import Store, example  # noqa: E402
from IODeepLib.training.loss import Loss  # noqa: E402
from IODeepLib.training.sampling import Sampler  # noqa: E402
from IODeepLib.training.settings import Optimizer, Settings  # noqa: E402
from IODeepLib.training.torch_network import TorchNetwork  # noqa: E402
from IODeepLib.training.train import Trained, train  # noqa: E402

TESTING = Path(__file__).resolve().parents[1]
WHOLE = read_recipe(DEMO / "recipe.json")
assert WHOLE.input is not None
# Normalization over the patch wants patches of one size in training and in a run.
RECIPE = replace(WHOLE, input=replace(WHOLE.input, patch_size=(32, 32, 32)))
SMALL = Settings(steps=6, validate_every=2, batch_size=1, rate=1e-3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The network of the demonstration."""
    folder = tmp_path_factory.mktemp("model")
    return write_model(DEMO / "demo_network.onnx", RECIPE, folder / "model")


def trained(
    model: Model,
    folder: Path,
    settings: Settings = SMALL,
    cases: tuple[list[Brain], list[Brain]] | None = None,
    **more: Any,
) -> Trained:
    training, held_out = cases or ([brain(1), brain(2)], [brain(11)])
    network = TorchNetwork.of(model)
    return train(network, RECIPE, training, held_out, settings, folder, device="cpu", **more)


def equal(one: Trained, other: Trained) -> None:
    assert one.history == other.history
    assert one.weights.keys() == other.weights.keys()
    for name, values in one.weights.items():
        np.testing.assert_array_equal(values, other.weights[name])


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))]
)
def test_it_becomes_better_on_patients_that_it_never_saw(
    seed: int, model: Model, tmp_path: Path
) -> None:
    """Of a scanner that shows dark what was bright."""
    training = [brain(i, seed=seed) for i in range(1, 5)]
    held_out = [brain(i, seed=seed) for i in (11, 12)]
    settings = replace(
        SMALL, steps=20, validate_every=20, batch_size=2, rate=1e-2, seed=seed, warm_up=5
    )
    done = trained(model, tmp_path, settings, (training, held_out))
    before, best = done.history[0].dice, max(look.dice or 0 for look in done.history)
    assert before is not None and before < 0.5
    assert best > before + 0.25


def test_the_same_call_gives_the_same_weights(model: Model, tmp_path: Path) -> None:
    equal(trained(model, tmp_path / "1"), trained(model, tmp_path / "2"))


def test_another_seed_gives_others(model: Model, tmp_path: Path) -> None:
    one = trained(model, tmp_path / "1", replace(SMALL, steps=2))
    other = trained(model, tmp_path / "2", replace(SMALL, steps=2, seed=1))
    assert any(not np.array_equal(v, other.weights[k]) for k, v in one.weights.items())


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_what_was_killed_goes_on_bit_by_bit(optimizer: str, model: Model, tmp_path: Path) -> None:
    settings = replace(SMALL, steps=8, optimizer=Optimizer(optimizer))
    assert model.card.path is not None
    child = [sys.executable, __file__, str(model.card.path.parent), str(tmp_path / "killed")]
    path = os.pathsep.join(map(str, [TESTING.parent, TESTING]))
    environment = os.environ | {"PYTHONPATH": path}
    running = subprocess.Popen(
        [*child, optimizer], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert running.stdout is not None
    for line in running.stdout:  # in the midst between two checkpoints
        if line.startswith("step 5"):
            running.send_signal(signal.SIGKILL)
            break
    running.wait()
    assert (tmp_path / "killed" / NAME).exists()
    told: list[str] = []
    again = trained(
        model, tmp_path / "killed", settings, progress=lambda _, words: told.append(words)
    )
    steps = [words.split(",")[0] for words in told if words.startswith("step")]
    assert steps[0] == "step 5 of 8"
    equal(again, trained(model, tmp_path / "whole", settings))


def test_when_it_is_over_the_same_call_gives_the_same_at_once(model: Model, tmp_path: Path) -> None:
    first, told = trained(model, tmp_path), list[str]()
    equal(first, trained(model, tmp_path, progress=lambda _, words: told.append(words)))
    assert not any(words.startswith("step") for words in told)


def test_a_folder_belongs_to_one_training(model: Model, tmp_path: Path) -> None:
    trained(model, tmp_path)
    with pytest.raises(ModelError, match="another training"):
        trained(model, tmp_path, replace(SMALL, rate=2e-3))
    content = bytearray((tmp_path / NAME).read_bytes())
    (tmp_path / NAME).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="cannot be read"):
        trained(model, tmp_path)


def test_it_is_canceled_within_a_step(model: Model, tmp_path: Path) -> None:
    told: list[str] = []

    def cancelled() -> bool:
        return any(words.startswith("step 3") for words in told)

    with pytest.raises(CancelledError):
        trained(model, tmp_path, cancelled=cancelled, progress=lambda _, words: told.append(words))
    assert [words for words in told if words.startswith("step 4")] == []
    equal(trained(model, tmp_path), trained(model, tmp_path.with_name("whole")))


def test_it_ends_where_nothing_becomes_better(model: Model, tmp_path: Path) -> None:
    """At a rate at which nothing changes but rounding."""
    cases = [brain(1, shifted=False)], [brain(11, shifted=False)]
    settings = replace(SMALL, steps=100, validate_every=1, rate=0.3, patience=2, clip=1e9)
    done = trained(model, tmp_path, settings, cases)
    assert len(done.history) < 20
    assert done.best <= done.history[-1].step - 2


def test_what_is_no_number_ends_it(model: Model, tmp_path: Path) -> None:
    settings = replace(SMALL, steps=50, rate=1e18, clip=1e30, warm_up=0, optimizer=Optimizer.SGD)
    with pytest.raises(ModelError, match="take a lower rate"):
        trained(model, tmp_path, replace(settings, validate_every=50))


def test_a_network_is_trained_on_what_it_is_given_in_a_run(tmp_path: Path) -> None:
    """The whole image, in one patch."""
    from IODeepLib import pipeline

    model = write_model(DEMO / "demo_network.onnx", WHOLE, tmp_path / "model")
    case, given = brain(1), list[np.ndarray]()
    pipeline.run(case.series, model, watch=lambda _, feeds: given.append(feeds["image"].copy()))
    store = Store(tmp_path / "store", [case], WHOLE)
    [stage] = WHOLE.all_stages
    batch = Sampler(store, stage.input, WHOLE.labels, replace(SMALL, augment=False)).batch(0)
    assert any(np.array_equal(batch.images, patch) for patch in given)


def test_patches_hold_labels_as_often_as_was_asked_for(tmp_path: Path) -> None:
    case = brain(1)
    truth = np.zeros_like(case.truth)
    truth[3:5, 40:44, 40:44] = 2
    store = Store(tmp_path, [Brain(case.series, truth, 1)], RECIPE)
    [stage] = RECIPE.all_stages

    def share(foreground: float) -> float:
        settings = replace(
            SMALL, patch_size=(16, 16, 16), foreground=foreground, augment=False, batch_size=20
        )
        batches = [Sampler(store, stage.input, RECIPE.labels, settings).batch(i) for i in range(3)]
        there = [bool(one.any()) for batch in batches for one in batch.truths]
        return sum(there) / len(there)

    assert share(1.0) == 1.0
    assert share(0.0) < 0.3
    assert 0.25 < share(0.4) < 0.75


def test_truth_is_turned_with_its_image(tmp_path: Path) -> None:
    """Where the image is the truth itself, it stays so, whatever is done to both."""
    case = brain(1)
    values = case.truth.astype(np.float32) * 100
    series = type(case.series)(
        type(case.series.voxels)(values, case.series.grid), case.series.header, "<truth>"
    )
    [stage] = RECIPE.all_stages
    store = Store(tmp_path, [Brain(series, case.truth, 1)], RECIPE)
    settings = replace(SMALL, patch_size=(32, 32, 32), batch_size=20)
    batch = Sampler(store, stage.input, RECIPE.labels, settings).batch(0)
    agreeing = []
    for image, truth in zip(batch.images[:, 0], batch.truths[:, 0], strict=True):
        means = [image[truth == value].mean() for value in (0, 1, 2) if (truth == value).any()]
        agreeing.append(means == sorted(means))
    assert all(agreeing)
    plain = Sampler(store, stage.input, RECIPE.labels, replace(settings, augment=False)).batch(0)
    changed = sum(not np.array_equal(a, b) for a, b in zip(batch.truths, plain.truths, strict=True))
    assert changed > 5


def test_a_store_keeps_what_it_made(tmp_path: Path) -> None:
    class Once(list[Brain]):
        asked = 0

        def __getitem__(self, number: int) -> Brain:  # type: ignore[override]
            self.asked += 1
            return super().__getitem__(number)

    cases = Once([brain(1)])
    store = Store(tmp_path / "1", cases, RECIPE)
    kept, again = store[0], store[0]
    assert cases.asked == 1
    made = example(brain(1), RECIPE)
    for one in (kept, again):
        np.testing.assert_array_equal(one.image, made.image)
        np.testing.assert_array_equal(one.truth, made.truth)
        assert one.grid.same_as(made.grid)
    full = Store(tmp_path / "2", cases, RECIPE, most_bytes=1000)
    np.testing.assert_array_equal(full[0].image, made.image)
    assert not list((tmp_path / "2").iterdir())


def scores_of(truth: np.ndarray, channels: int, good: bool) -> Any:
    """Scores that find the truth, channel by channel, or the contrary."""
    sign = 1.0 if good else -1.0
    hot = np.stack([np.where(truth == c, 9.0, -9.0) for c in range(channels)], 1)
    return torch.tensor(sign * hot, dtype=torch.float32, requires_grad=True)


def output_with(**changes: Any) -> Any:
    [stage] = RECIPE.all_stages
    return replace(stage.output, **changes)


def test_the_loss_of_what_is_right_is_small() -> None:
    truth = np.random.default_rng(0).integers(0, 3, (2, 4, 5, 6))
    loss = Loss(output_with(), "")
    given = torch.tensor(truth[:, None])
    right, wrong = (loss(scores_of(truth, 3, good), given, [(), ()]) for good in (True, False))
    assert float(right) < 0.01 < 1 < float(wrong)


def test_labels_that_nobody_speaks_of_are_not_unlearned() -> None:
    truth = np.zeros((1, 4, 4, 4), np.int64)
    found = np.full_like(truth, 2)  # which nobody has looked for
    loss = Loss(output_with(), "")
    given = torch.tensor(truth[:, None])
    scores = scores_of(found, 3, True)
    free = loss(scores, given, [(2,)])
    assert float(free) < 0.1 < 1 < float(loss(scores, given, [()]))
    free.backward()
    assert float(scores.grad[:, [0, 2]].abs().max()) < 1e-3


def test_regions_below_the_one_that_was_painted_are_not_learned() -> None:
    labels = tuple(replace(x, channel=i) for i, x in enumerate(RECIPE.labels))
    output = output_with(
        channels=2, decision=Decision.REGIONS, activation=Activation.SIGMOID, labels=labels
    )
    loss = Loss(output, "")
    truth = np.full((1, 1, 3, 3, 3), 2)  # all of it is the inner region
    scores = torch.zeros((1, 2, 3, 3, 3), requires_grad=True)
    loss(scores, torch.tensor(truth), [()]).backward()
    assert not scores.grad[:, 0].any() and scores.grad[:, 1].all()
    outer = np.full((1, 1, 3, 3, 3), 1)
    scores = torch.zeros((1, 2, 3, 3, 3), requires_grad=True)
    loss(scores, torch.tensor(outer), [()]).backward()
    assert (scores.grad[:, 0] < 0).all() and (scores.grad[:, 1] > 0).all()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"patch_size": (30, 32, 32)}, "30 x 32 x 32"),
        ({"patch_size": (32, 32)}, "32 x 32"),
    ],
)
def test_settings_that_do_not_go_with_the_model(
    change: dict, found: str, model: Model, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=found):
        trained(model, tmp_path, replace(SMALL, **change))


def main() -> None:
    """A training that says what it does, to be killed."""
    from IODeepLib.sources.folder import find_model

    settings = replace(SMALL, steps=8, optimizer=Optimizer(sys.argv[3]))

    def say(_: float, words: str) -> None:
        sys.stdout.write(words + "\n")
        sys.stdout.flush()
        if words.startswith("step 5"):
            time.sleep(60)

    trained(find_model(Path(sys.argv[1])), Path(sys.argv[2]), settings, progress=say)


if __name__ == "__main__":
    main()
