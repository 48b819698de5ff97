"""The signs of who published a model: each has a form of its own, for whom colors are alike."""

from __future__ import annotations

import functools

import qt

from IODeepSlicer.text.trust_text import COLORS, Badge

_SIZE = 32  # pixels; views show it at half of that, screens of 200 % at all of it
_Line = tuple[int, int, int, int]
_CHECK: tuple[_Line, ...] = ((9, 17, 14, 22), (14, 22, 23, 11))
_CROSS: tuple[_Line, ...] = ((10, 10, 22, 22), (22, 10, 10, 22))
_DASH: tuple[_Line, ...] = ((11, 16, 21, 16),)
_BANG: tuple[_Line, ...] = ((16, 8, 16, 18), (16, 24, 16, 24))


@functools.cache
def trustIcon(badge: Badge) -> qt.QIcon:
    """A check in a disk: trusted. A dash in a ring: unsigned. A question mark in a diamond: of
    somebody unknown. An exclamation mark in a diamond: with a certificate that does not do. A cross
    in a square: bad."""
    icon = qt.QIcon(_painted(badge, qt.QColor(COLORS[badge])))
    # In its own color in a chosen row, too; a ring alone would hardly be seen there.
    inRow = _white() if badge is Badge.UNSIGNED else qt.QColor(COLORS[badge])
    icon.addPixmap(_painted(badge, inRow), qt.QIcon.Selected)
    return icon


def _painted(badge: Badge, color: qt.QColor) -> qt.QPixmap:
    pixmap = qt.QPixmap(_SIZE, _SIZE)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    _PAINTED[badge](painter, color)
    painter.end()
    return pixmap


def _trusted(painter: qt.QPainter, color: qt.QColor) -> None:
    _fill(painter, color)
    painter.drawEllipse(2, 2, 28, 28)
    _lines(painter, _white(), _CHECK)


def _unsigned(painter: qt.QPainter, color: qt.QColor) -> None:
    painter.setPen(qt.QPen(color, 3))
    painter.drawEllipse(4, 4, 24, 24)
    _lines(painter, color, _DASH)


def _unknown(painter: qt.QPainter, color: qt.QColor) -> None:
    _diamond(painter, color)
    font = painter.font()
    font.setBold(True)
    font.setPixelSize(20)
    painter.setFont(font)
    painter.setPen(_white())
    painter.drawText(qt.QRect(0, 0, _SIZE, _SIZE), qt.Qt.AlignCenter, "?")


def _doubtful(painter: qt.QPainter, color: qt.QColor) -> None:
    _diamond(painter, color)
    _lines(painter, _white(), _BANG)


def _bad(painter: qt.QPainter, color: qt.QColor) -> None:
    _fill(painter, color)
    painter.drawRect(3, 3, 26, 26)
    _lines(painter, _white(), _CROSS)


def _diamond(painter: qt.QPainter, color: qt.QColor) -> None:
    _fill(painter, color)
    painter.save()
    painter.translate(_SIZE / 2, _SIZE / 2)
    painter.rotate(45)
    painter.drawRect(-11, -11, 22, 22)
    painter.restore()


def _white() -> qt.QColor:
    return qt.QColor("white")


def _fill(painter: qt.QPainter, color: qt.QColor) -> None:
    painter.setPen(qt.Qt.NoPen)
    painter.setBrush(qt.QBrush(color))


def _lines(painter: qt.QPainter, color: qt.QColor, lines: tuple[_Line, ...]) -> None:
    pen = qt.QPen(color, 4)
    pen.setCapStyle(qt.Qt.RoundCap)
    painter.setPen(pen)
    for line in lines:
        painter.drawLine(*line)


_PAINTED = {
    Badge.TRUSTED: _trusted,
    Badge.UNSIGNED: _unsigned,
    Badge.UNKNOWN: _unknown,
    Badge.DOUBTFUL: _doubtful,
    Badge.BAD: _bad,
}
