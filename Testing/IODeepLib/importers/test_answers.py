"""Answers: what a source does not say, asked at once and checked by the recipe's own records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from makers.recipes import BASE, label, recipe_json

from IODeepLib.errors import RecipeError, UsageError
from IODeepLib.importers.answers import MissingAnswersError, complete, put_answers, unanswered
from IODeepLib.importers.draft import Draft, Missing

ORIENTATION = Missing("input.orientation", "how the training images lay", "RAS")


def draft(*without: str, **changes) -> Draft:
    """One of a network of which everything is known but what stands at these keys of the top."""
    whole = recipe_json(schema="iodeep-recipe/2", **changes)
    for key in without:
        del whole[key]
    return Draft("a folder", lambda folder: folder, whole, [ORIENTATION])


def answered(*given: str, **changes):
    made = draft(**changes)
    put_answers(made, ("applies_to.anatomic_regions=", *given))
    return complete(made)


def test_all_that_is_missing_is_named_at_once() -> None:
    made = draft("card", "title")
    with pytest.raises(MissingAnswersError) as raised:
        complete(made)
    wanted = {"title", "applies_to.anatomic_regions"}
    wanted |= {"card.publisher", "card.intended_use", "card.licence"}
    assert {item.path for item in raised.value.missing} == wanted
    assert raised.value.exit_status == 4
    assert all(f"{path}=" in str(raised.value) for path in wanted)
    assert "--set 'card.publisher=Example Hospital'" in str(raised.value)


def test_what_the_source_says_is_not_asked() -> None:
    paths = {item.path for item in unanswered(draft())}
    assert paths == {"applies_to.anatomic_regions"}


def test_the_version_is_assumed_and_said() -> None:
    made = Draft("a folder", lambda folder: folder)
    assert made.recipe["version"] == "1.0.0"
    assert made.assumed == ["version 1.0.0"]


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("input.orientation=RAS", "RAS"),
        ("input.orientation=source", "source"),
        ("applies_to.modalities=CT,MR", ("CT", "MR")),
        ('applies_to.modalities=["CT"]', ("CT",)),
        ("card.licence=CC-BY-4.0", "CC-BY-4.0"),
        ("card.intended_use=a=b, [c]", "a=b, [c]"),
        ("card.authors=", ()),
        ("input.overlap=0.25", 0.25),
        ("input.channels[0].modality=MR", "MR"),
        ("input.channels[image].modality=MR", "MR"),
        ("input.patch_size=32,32,16", (32, 32, 16)),
        ("output.labels[0].color=255,0,10", (255, 0, 10)),
    ],
)
def test_an_answer_stands_where_its_path_says(words: str, value) -> None:
    place = answered(words)
    for key in words.partition("=")[0].replace("[image]", "[0]").replace("[", ".").split("."):
        place = place[int(key[:-1])] if key.endswith("]") else getattr(place, key)
    assert place == value


def test_codes_are_given_as_slicer_writes_them_or_by_a_body_part() -> None:
    made = answered("output.labels[0].type=SCT^10200004^Liver")
    assert str(made.output.labels[0].type) == "Liver (10200004, SCT)"
    made = answered("applies_to.anatomic_regions=Abdomen,SCT^12738006^Brain")
    assert [code.value for code in made.applies_to.anatomic_regions] == ["818981001", "12738006"]


def test_labels_are_found_by_their_names() -> None:
    labels = [label(1, "Left kidney"), label(2, "Liver")]
    made = answered("output.labels[Liver].laterality=B", output={"channels": 3, "labels": labels})
    assert [one.laterality for one in made.output.labels] == [None, "B"]


def test_an_unknown_path_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no recipe has applies_to.modality.*modalities"):
        answered("applies_to.modality=CT")
    with pytest.raises(UsageError, match=r"output.labels\[Livr\].*Liver or a number from 0 to 1"):
        answered("output.labels[Livr].unit=x", output={"labels": [label(1, "Liver")]})


@pytest.mark.parametrize("path", ["", ".", "a..b", "name[", "[0]", "x" * 500, "input.channels[9]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        answered(f"{path}=1")


@pytest.mark.parametrize("key", ["spacing", "shape"])
def test_a_grid_has_the_keys_of_its_mode(key: str) -> None:
    grid = {"mode": "resize", "shape": [8, 8, 8]}
    words = f"input.grid.{key}=4,4,4"
    if key == "shape":
        assert answered(words, input={"grid": grid}).input.grid.shape == (4, 4, 4)
    else:
        with pytest.raises(UsageError, match="no recipe has"):
            answered(words, input={"grid": grid})


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("input.orientation=RAX", "input.orientation"),
        ("version=1", "version"),
        ("input.overlap=wide", "input.overlap"),
        ("output.labels[0].color=1,2", r"output.labels\[0\].color"),
    ],
)
def test_answers_are_checked_by_the_recipe(words: str, path: str) -> None:
    with pytest.raises(RecipeError, match=rf"{path}.*another answer for {path}"):
        answered(words)


def test_what_is_no_code_is_refused() -> None:
    with pytest.raises(UsageError, match="a name that has a code"):
        answered("output.labels[0].type=Nothingness")


def test_a_file_may_be_nested_or_flat_and_goes_behind_set(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text(
        json.dumps({"card.licence": "MIT", "input": {"orientation": "RAS", "overlap": 0.75}})
    )
    made = draft()
    put_answers(made, ["input.overlap=0.25", "applies_to.anatomic_regions="], file)
    recipe = complete(made)
    assert (recipe.input.orientation, recipe.input.overlap) == ("RAS", 0.25)
    assert recipe.input.channels[0].name == BASE["input"]["channels"][0]["name"]


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 1, "a": 2}', "{", '{"nothing": 1}', "\xff"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "answers.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises((RecipeError, UsageError)):
        put_answers(draft(), (), file)


@pytest.mark.parametrize("value", [5, [], "text", None, {"modalities": {"a": 1}}])
def test_a_file_that_puts_other_things_in_the_way_is_refused(tmp_path: Path, value) -> None:
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"applies_to": value}))
    made = draft()
    put_answers(made, ["applies_to.anatomic_regions="], file)
    made.recipe["applies_to"].pop("modalities", None)
    with pytest.raises(RecipeError):
        complete(made)
