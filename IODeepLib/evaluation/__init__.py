"""How well networks do on a cohort whose truth is known, measured and compared.

    evaluation = evaluate([model, tuned], read_cohort("cohort.json"), out="evaluation")
    comparisons = compare(evaluation, 0, 1)

Figures are for each model, label and patient. What has no value (nothing to be found, nothing
found) has none here either: it counts in no mean, and is said.
"""

from IODeepLib.evaluation.comparison import Comparison, compare
from IODeepLib.evaluation.evaluating import evaluate
from IODeepLib.evaluation.file import measured_in, read_evaluation
from IODeepLib.evaluation.records import Evaluation, Figures
from IODeepLib.evaluation.summary import mean_dice

__all__ = [
    "Comparison",
    "Evaluation",
    "Figures",
    "compare",
    "evaluate",
    "mean_dice",
    "measured_in",
    "read_evaluation",
]
