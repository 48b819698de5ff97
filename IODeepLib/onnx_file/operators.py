"""Which operators a network may be made of: those that compute, and nothing else.

A network comes from whoever could store an instance. ONNX Runtime runs what it is given, so that an
operator which opens a file or starts a program would be a way to do so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# ONNX's own, under both of its names, with classical machine learning; and what ONNX Runtime
# contributes, which its optimizer and its quantizer write into models. Not: ai.onnx.contrib and
# ai.onnx.extensions (another library: HTTP requests, Python code), org.pytorch.aten (any function
# of PyTorch), the training domains, and com.ms.internal.* and com.microsoft.nchwc (what only ONNX
# Runtime itself writes, for one processor).
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
# Of those, what computes with something else than the network: EPContext and Snpe hold a program
# for another runtime, or the path of a file with one; the others run Python.
BARRED = {
    ("com.microsoft", name)
    for name in ("EPContext", "Snpe", "PythonOp", "PythonOpGrad", "ExternalGradient")
}
# A text in the model's metadata that ONNX Runtime takes session options from (it can write files
# by them), where the environment allows it.
OBEYED_METADATA = ("ort_config",)

Operator = tuple[str, str, str]  # domain, name, overload


def barred(used: Iterable[Operator], functions: Mapping[Operator, object]) -> str:
    """The operators among those `used` that may not run, in words; "" for none.

    Args:
        used: all operators of a model.
        functions: those that the model defines itself.
    """
    found: dict[str, set[str]] = {}
    for operator in used:
        domain, name, _ = operator
        known = domain in DOMAINS or operator in functions
        if not known or (domain, name) in BARRED:
            found.setdefault(domain, set()).add(name)
    return "; ".join(
        f"{', '.join(sorted(names))} of {domain}" for domain, names in sorted(found.items())
    )
