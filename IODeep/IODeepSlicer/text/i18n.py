"""Translation of what people read; outside of Slicer, where only tests read it, there is none."""

from __future__ import annotations

try:
    from slicer.i18n import tr
except ImportError:

    def tr(text: str) -> str:
        """`text` as it is."""
        return text


__all__ = ["tr"]
