"""An evaluation on one page of HTML, with its pictures in it; no word in it is on a patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from xml.etree.ElementTree import Element

from IODeepLib.evaluation.comparison import FEWEST, Comparison
from IODeepLib.evaluation.records import Evaluation, Metric
from IODeepLib.evaluation.summary import Groups, summary_of
from IODeepLib.evaluation.worst import Bad
from IODeepLib.results.page.elements import document, element, head, listed, page_style
from IODeepLib.results.page.figures import described, number, table
from IODeepLib.results.page.images import in_page
from IODeepLib.results.page.sections import section
from IODeepLib.text.wording import counted

_MOST_ROWS = 200
_Compared = Sequence[tuple[int, int, Sequence[Comparison]]]


def page(
    evaluation: Evaluation, compared: _Compared, worst: Sequence[Bad], plots: Mapping[Metric, bytes]
) -> str:
    """The page.

    Args:
        evaluation: what it says.
        compared: pairs of models, and what came of comparing them.
        worst: cases with their pictures.
        plots: PNG.
    """
    names = " and ".join(model.label for model in evaluation.models)
    title = f"{names} on {evaluation.dataset}"
    body = [
        element("header", element("p", "How well networks do", kind="above"), element("h1", title)),
        element("main", *_parts(evaluation, compared, worst, plots)),
        element(
            "footer",
            element(
                "p",
                "This page names no patient: they are counted. What is written within the images "
                "themselves is shown as it is.",
            ),
        ),
    ]
    return document(head(title, page_style()), body)


def _parts(
    evaluation: Evaluation, compared: _Compared, worst: Sequence[Bad], plots: Mapping[Metric, bytes]
) -> Iterator[Element]:
    notes = [*evaluation.notes, *_failed(evaluation)]
    if notes:
        yield section("notes", "What to know", listed(notes))
    yield section("figures", "Figures", *_tables(evaluation))
    if compared:
        yield section(
            "comparison", "Compared, patient by patient", *_compared(evaluation, compared)
        )
    if plots:
        yield section("plots", "Plots", *(_plot(metric, png) for metric, png in plots.items()))
    if worst:
        yield section("worst", "The worst cases", *_pictures(evaluation, worst))
    yield section("missing", "What has no value", _missing(evaluation))
    yield section("how", "What was measured, and how", _how(evaluation))


def _failed(evaluation: Evaluation) -> Iterator[str]:
    for i, model in enumerate(evaluation.models):
        count = sum(one.model == i for one in evaluation.failures)
        if count:
            yield f"{model.label} could not be run on {counted(count, 'case')}: see evaluation.json"


def _tables(evaluation: Evaluation) -> Iterator[Element]:
    groups = Groups(evaluation)
    for metric in evaluation.metrics:
        columns = [_head("Label")]
        for model in evaluation.models:
            columns += [_head(f"{model.label}: mean", "number"), _head("least to most", "number")]
            columns.append(_head("patients", "number"))
        rows = []
        for label in (None, *evaluation.labels[:_MOST_ROWS]):
            cells = [element("th", label or "all labels", scope="row")]
            for i in range(len(evaluation.models)):
                one = summary_of(groups.of(i, label), metric)
                cells.append(element("td", number(one.mean), kind="number"))
                spread = element("td", number(one.low), " to ", number(one.high), kind="number")
                cells.append(spread if one.patients else element("td", "–", kind="number"))
                cells.append(element("td", number(one.patients), kind="number"))
            rows.append(element("tr", *cells))
        yield table(metric.words, columns, rows)


def _compared(evaluation: Evaluation, compared: _Compared) -> Iterator[Element]:
    for first, second, several in compared:
        names = [evaluation.models[i].label for i in (first, second)]
        columns = [_head("Metric"), _head("Label")]
        columns += [
            _head(name, "number")
            for name in (*names, "difference", "95 % interval", "p", "patients")
        ]
        rows = []
        for one in several[:_MOST_ROWS]:
            interval = element("td", number(one.low), " to ", number(one.high), kind="number")
            rows.append(
                element(
                    "tr",
                    element("th", one.metric.words, scope="row"),
                    element("td", one.label or "all labels"),
                    *(
                        element("td", number(value), kind="number")
                        for value in (one.first, one.second, one.difference)
                    ),
                    interval if one.low is not None else element("td", one.note, kind="number"),
                    element("td", number(one.p), kind="number"),
                    element("td", number(one.patients), kind="number"),
                )
            )
        yield table(f"{names[1]} against {names[0]}", columns, rows)
    yield element(
        "p",
        "Over patients whom both have a value of. p: Wilcoxon's signed-rank test, two-sided, not "
        "corrected for the number of labels; the interval of the mean difference is a bootstrap "
        f"over patients. Of fewer than {FEWEST} patients there is neither.",
        kind="faint",
    )


def _plot(metric: Metric, png: bytes) -> Element:
    alt = f"{metric.words}: a box for each label and model, a dot for each patient"
    return element("figure", _image(png, alt))


def _pictures(evaluation: Evaluation, worst: Sequence[Bad]) -> Iterator[Element]:
    yield element("p", "Through the label that is worst there: green is right, pink was found.")
    for bad in worst:
        one = bad.figures
        model = evaluation.models[bad.model].label
        words = f"patient {one.patient}, case {one.case}: {one.label}, Dice "
        caption = element(
            "figcaption",
            element("strong", model),
            f" {words}",
            number(one.dice),
            " (mean of its labels ",
            number(bad.dice),
            ")",
        )
        image = _image(bad.picture.read_bytes(), f"{words}, as a picture")
        yield element("figure", caption, element("div", image, kind="column"))


def _missing(evaluation: Evaluation) -> Element:
    counts = Counter((one.model, one.label, one.why) for one in evaluation.figures if one.why)
    rows = [
        element(
            "tr",
            element("th", label, scope="row"),
            element("td", evaluation.models[model].label),
            element("td", why),
            element("td", number(count), kind="number"),
        )
        for (model, label, why), count in sorted(counts.items())[:_MOST_ROWS]
    ]
    columns = [_head("Label"), _head("Model"), _head("Why"), _head("Cases", "number")]
    if not rows:
        return element("p", "Nothing: each label has a value in each case.")
    return table("Counted in no mean of the metric that lacks it", columns, rows)


def _how(evaluation: Evaluation) -> Element:
    def pairs() -> Iterator[tuple[str, Element | str]]:
        yield "Cohort", f"{evaluation.dataset}, SHA-256 {evaluation.cohort_sha256}"
        for model in evaluation.models:
            yield model.label, f"card {model.card_uid}, network SHA-256 {model.network_sha256}"
        if evaluation.surfaces:
            millimeters: dict[float, list[str]] = {}
            for one in evaluation.tolerances:
                millimeters.setdefault(one.millimeters, []).append(one.label)
            said = "; ".join(f"{mm:g} mm: {', '.join(own)}" for mm, own in millimeters.items())
            yield "Tolerance of surface Dice", said
        yield (
            "Definitions",
            "Metrics Reloaded, computed by MONAI on the voxels of the series, in millimeters: "
            "surface voxels touch another one by a face; Hausdorff 95 is the larger of both 95th "
            "percentiles. Means are over patients, each counted once.",
        )

    return described(pairs())


def _head(name: str, kind: str = "") -> Element:
    return element("th", name, kind=kind, scope="col")


def _image(png: bytes, alt: str) -> Element:
    from PIL import Image

    return in_page(png, "png", alt, Image.open(BytesIO(png)).size)
