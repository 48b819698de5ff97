"""Damage to bytes of any kind: flips, cuts, runs of one value, copies from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def damaged(rng: Random, data: bytes, others: Sequence[bytes], near: int = 4096) -> bytes:
    """`data` with one to four damages, most of them in its first `near` bytes.

    Args:
        rng: where all chance comes from.
        data: what is damaged.
        others: what may be spliced in.
        near: where readers look; the rest of a file is pixels and weights.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_DAMAGES)(rng, data, others, near)
    return data


def _place(rng: Random, data: bytes, near: int) -> int:
    end = len(data) if rng.random() < 0.1 else min(len(data), near)
    return rng.randrange(end) if end else 0


def _flip(rng: Random, data: bytes, others: Sequence[bytes], near: int) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 10)) if data else 0):
        changed[_place(rng, data, near)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut_off(rng: Random, data: bytes, others: Sequence[bytes], near: int) -> bytes:
    return data[: _place(rng, data, near)]


def _cut_out(rng: Random, data: bytes, others: Sequence[bytes], near: int) -> bytes:
    place = _place(rng, data, near)
    return data[:place] + data[place + rng.choice((1, 2, 4, 8, 100, 1000)) :]


def _repeat(rng: Random, data: bytes, others: Sequence[bytes], near: int) -> bytes:
    place, size = _place(rng, data, near), rng.choice((1, 2, 8, 64, 512))
    piece = data[place : place + size]
    return data[:place] + piece * rng.choice((2, 3, 50)) + data[place + size :]


def _number(rng: Random, data: bytes, others: Sequence[bytes], near: int) -> bytes:
    place, size = _place(rng, data, near), rng.choice((1, 2, 4, 8))
    number = rng.choice((*NUMBERS, rng.getrandbits(8 * size)))
    order = rng.choice(("little", "big"))
    value = (number % 256**size).to_bytes(size, order)
    return data[:place] + value + data[place + size :]


def _splice(rng: Random, data: bytes, others: Sequence[bytes], near: int) -> bytes:
    other = rng.choice(others) if others else data
    start, place = _place(rng, other, near), _place(rng, data, near)
    piece = other[start : start + rng.choice((4, 32, 256, 4096))]
    return data[:place] + piece + data[place + rng.choice((0, len(piece))) :]


_DAMAGES = (_flip, _flip, _cut_off, _cut_out, _repeat, _number, _number, _splice)
