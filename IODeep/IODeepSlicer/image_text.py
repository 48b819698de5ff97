"""What is known of an image, as people read it: pure functions."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from IODeepSlicer.i18n import tr as _

if TYPE_CHECKING:
    from IODeepLib.series import VolumeImage


def imageHtml(image: VolumeImage) -> str:
    """What the header says of an image, and what of its geometry a person should know."""
    from IODeepLib.facts import found_regions

    regions, attribute = next(found_regions(image), ((), ""))
    anatomy = _("not known")
    if regions:
        anatomy = _("{regions} (from {attribute})").format(
            regions=", ".join(region.code.meaning for region in regions), attribute=attribute
        )
    series = image.description or _("without description")
    if not image.series_instance_uid:
        series = _("not from the DICOM database")
    between, row, column = image.grid.spacing
    voxels = _("{count} of {size} mm").format(
        count=" × ".join(map(str, image.grid.shape[::-1])),
        size=f"{column:.3g} × {row:.3g} × {between:.3g}",
    )
    rows = [
        (_("Modality"), image.modality or _("not known")),
        (_("Anatomy"), anatomy),
        (_("Series"), series),
        (_("Voxels"), voxels),
    ]
    if image.geometry_fault:
        rows.append((_("Geometry"), image.geometry_fault))
    rows += [(_("Note"), said) for said in image.problems if said != image.geometry_fault]
    body = "".join(
        f"<tr><td><b>{escape(name)}</b>&nbsp;&nbsp;</td><td>{escape(text)}</td></tr>"
        for name, text in rows
    )
    return f"<table cellpadding='1'>{body}</table>"
