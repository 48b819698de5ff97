"""What is known of an image, as people read it: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import html

if TYPE_CHECKING:
    from IODeepLib.series import VolumeImage


def imageHtml(image: VolumeImage) -> str:
    """What the header says of an image, and what of its geometry a person should know."""
    from IODeepLib.selection.facts import found_regions

    codes, attribute = next(found_regions(image), ((), ""))
    anatomy = _("not known")
    if codes:
        anatomy = _("{regions} (from {attribute})").format(
            regions=", ".join(code.meaning for code in codes), attribute=attribute
        )
    series = image.description or _("without description")
    if not image.series_instance_uid:
        series = _("not from the DICOM database")
    between, row, column = image.slices.spacing
    count = " × ".join(map(str, image.slices.shape[::-1]))
    voxels = _("{count} of {size} mm").format(
        count=count, size=f"{column:.3g} × {row:.3g} × {between:.3g}"
    )
    if not image.has_voxel_size:
        voxels = _("{count}, of unknown size").format(count=count)
    rows = [
        (_("Voxels"), f"{image.modality or _('modality not known')}, {voxels}"),
        (_("Anatomy"), anatomy),
        (_("Series"), series),
    ]
    # In the words that the reasons of each model have for it.
    geometry = image.geometry_fault or image.correction
    if geometry:
        rows.append((_("Geometry"), geometry))
    rows += [(_("Note"), said) for said in image.problems if said != geometry]
    body = "".join(
        f"<tr><td><b>{html(name)}</b>&nbsp;&nbsp;</td><td>{html(text)}</td></tr>"
        for name, text in rows
    )
    return f"<table cellpadding='1'>{body}</table>"
