"""Labels from names: what they mean are codes, and the others are asked."""

from __future__ import annotations

from IODeepLib.importers.labels import labels_of


def test_names_that_are_known_have_codes() -> None:
    found = labels_of([(1, "liver"), (2, "kidney_left")])
    assert [label["name"] for label in found.recipe] == ["liver", "kidney_left"]
    assert found.recipe[0]["type"]["value"] == "10200004"
    assert found.recipe[1]["laterality"] == "L"
    assert found.missing == []
    assert "liver is Liver (10200004, SCT)" in found.assumed


def test_names_that_are_not_are_asked_with_their_like() -> None:
    found = labels_of([(1, "liver"), (2, "livver"), (3, "[x]"), (4, "5")])
    paths = [item.path for item in found.missing]
    assert paths[:2] == ["output.labels[livver].type", "output.labels[livver].category"]
    assert paths[2::2] == ["output.labels[2].type", "output.labels[3].type"]
    assert "known are liver" in found.missing[0].why.lower()
    assert found.recipe[1] == {"value": 2, "name": "livver"}


def test_names_stay_within_what_a_recipe_takes() -> None:
    [label] = labels_of([(1, "x" * 100)]).recipe
    assert label["name"] == "x" * 64
    assert labels_of([(7, " ")]).recipe[0]["name"] == "label 7"
