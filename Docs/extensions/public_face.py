"""The reference holds the public face: each name of `IODeepLib.__all__`, and under that name."""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import IODeepLib

_log = logging.getLogger(__name__)


def _all_there(app: Sphinx, env: BuildEnvironment) -> None:
    there = env.domains["py"].data["objects"]
    for name in IODeepLib.__all__:
        if f"IODeepLib.{name}" not in there and not name.startswith("__"):
            _log.warning("no page of the reference has IODeepLib.%s", name)


def _by_face(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """A name that is written out to the room where it is defined leads to that of the face."""
    *room, name = node.get("reftarget", "").split(".")
    if node.get("refdomain") != "py" or room[:1] != ["IODeepLib"] or name not in IODeepLib.__all__:
        return None
    return env.domains["py"].resolve_xref(
        env, node["refdoc"], app.builder, "obj", f"IODeepLib.{name}", node, content
    )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-check-consistency", _all_there)
    app.connect("missing-reference", _by_face)
    return {"parallel_read_safe": True}
