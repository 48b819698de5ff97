"""What sentences on images must not say on the page: whose they are, in whatever form."""

from __future__ import annotations

import numpy as np
import pytest
from makers.results import label
from makers.shown_results import grid_of, shown

from IODeepLib.results.page.privacy import LEFT_OUT, Privacy


def privacy(**header: str) -> Privacy:
    """Of an image with this header."""
    grid = grid_of((2, 3, 4))
    array = np.ones(grid.shape, np.uint8)
    return Privacy(shown(array, grid, [label(1, "Liver")], header=header).channels)


NAMES = [
    # (name as the header has it, a description, what is left of it)
    ("Doe^Jane", "T1 DOE_JANE axial", "T1 # axial"),
    ("Doe^Jane", "T1 JaneDoe axial", "T1 # axial"),
    ("Doe^Jane", "MRS.DOE", "MRS.#"),
    ("Martin^Anna^Maria", "for annamartin2", "for #2"),
    ("Li^Wu", "Wu, Li liver", "# liver"),
    ("Li^Wu", "LIWU liver", "# liver"),
    ("Ng^An^^Dr", "an_ng an MR", "# an MR"),
    ("Wang^XiaoDong=王^小東", "王小東腹部", "#腹部"),
    ("Wang^XiaoDong=王^小東", "腹部 小東さん", "腹部 #さん"),
    ("김^철수", "김철수님 T2", "#님 T2"),
    ("สมชาย^ใจดี", "ตับสมชาย", "ตับ#"),
    ("Müller^Jürgen", "MÜLLER liver", "# liver"),
    ("O'Neil^Sean", "o'neil.sean", "#"),
    ("Пациент^Иван", "ПАЦИЕНТ_ИВАН", "#"),
    ("a.*b+c^(d", "xa.*b+c liver", "x# liver"),
]


@pytest.mark.parametrize(("name", "description", "left"), NAMES)
def test_names_in_any_order_and_between_anything(name: str, description: str, left: str) -> None:
    said = privacy(PatientName=name, PatientID="")(f"series 7 '{description}': slices are missing")
    assert said.replace(LEFT_OUT, "#") == f"series 7 '{left}': slices are missing"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"PatientID": "4711"}, "4711"),
        ({"PatientID": "P-4711/88"}, "P-4711/88"),
        ({"PatientID": "123456"}, "ID123456b"),
        ({"AccessionNumber": "A20.17"}, "xA20.17y"),
        ({"PatientBirthDate": "19870613"}, "13.06.1987"),
        ({"PatientBirthDate": "19870613"}, "06/13/1987"),
        ({"PatientBirthDate": "19870613"}, "19870613"),
        ({"PatientBirthDate": "19870613"}, "870613"),
        ({"StudyDate": "20200102"}, "02-01-2020"),
        ({}, "3.4.2019"),
        ({}, "2019-04-03"),
    ],
)
def test_numbers_and_dates(header: dict[str, str], words: str) -> None:
    said = privacy(**header)(f"series 7 'T1 {words} liver': tilted")
    assert LEFT_OUT in said
    assert not set(filter(str.isdigit, words)) & set(said.replace("series 7 'T1", ""))


def test_what_is_said_of_no_person_stays() -> None:
    quiet = privacy(
        PatientName="Li^An", PatientID="12345", PatientBirthDate="19870613", StudyID="1"
    )
    for sentence in (
        "an image of 12 slices, 1.2.3 of 10.12.14, 0.5 x 0.5 mm",
        "an uneven series: images lie 1.25 and 2.5 mm apart",
        "version 1.10.2019.3 of 2.25.91234567812345678",
    ):
        assert quiet(sentence) == sentence


def test_a_header_of_thousands_of_names_ends() -> None:
    many = "\\".join(f"Quux{i}^Zork{i}" for i in range(20_000))
    assert LEFT_OUT in privacy(PatientName="Doe^Jane", OtherPatientNames=many)(
        "by quux19999 zork19999"
    )
