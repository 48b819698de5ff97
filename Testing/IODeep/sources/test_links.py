"""Links to a study and a model, which come from anywhere."""

from __future__ import annotations

import pytest
from IODeepSlicer.sources.links import Link, isOurs, parseLink

from IODeepLib.errors import UsageError

BASE = "slicer://iodeep/?studyUID=1.2.840.1"


def test_what_a_link_says() -> None:
    assert parseLink(BASE) == Link("1.2.840.1")
    whole = f"{BASE}&seriesUID=1.2.3&model=brain-tissue%401.1.0&source=the%20pacs"
    assert parseLink(whole) == Link("1.2.840.1", "1.2.3", "brain-tissue@1.1.0", "the pacs")
    assert parseLink(BASE.replace("slicer://iodeep", "SLICER://IODeep")).studyUID == "1.2.840.1"


def test_links_of_others_are_theirs() -> None:
    assert isOurs(BASE) and isOurs("slicer://iodeep?x") and isOurs("SLICER://IODEEP")
    for other in (
        "slicer://viewer/?studyUID=1.2&dicomweb_endpoint=http%3A%2F%2Fhost",
        "slicer://iodeep.example.org/?studyUID=1.2",
        "https://iodeep/?studyUID=1.2",
        "/home/somebody/iodeep",
        "",
    ):
        assert not isOurs(other)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "studyUID=",
        "studyUID=1..2",
        "studyUID=1.2/../3",
        "studyUID=1.2'%20OR%201=1",
        "model=brain",
        "studyUID=1.2&studyUID=1.3",
        "studyUID=1.2&seriesUID=x",
        "studyUID=1.2&model=../../x",
        "studyUID=1.2&model=<b>x</b>",
        "studyUID=1.2&model=" + "x" * 100,
        "studyUID=1.2&run=1",
        "studyUID=1.2&access_token=secret",
        "studyUID=1.2&studyUID",
        "studyUID=1.2&model=%00",
        "studyUID=1.2&source=" + "x" * 3000,
    ],
)
def test_what_cannot_be_is_refused_in_one_message(query: str) -> None:
    with pytest.raises(UsageError) as caught:
        parseLink(f"slicer://iodeep/?{query}")
    assert len(str(caught.value)) < 600 and "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)
