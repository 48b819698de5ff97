"""Who is killed, and when: by chance, and the same chance each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Victim(StrEnum):
    """Who is killed, by SIGKILL."""

    SERVICE = "service"
    TASK = "process of a look or a run"
    PACS = "PACS"


@dataclass(frozen=True)
class Kill:
    """One of them.

    Attributes:
        victim: who.
        after: how many studies are done by then.
        pause: seconds behind that, so that any moment of a run may be it.
        parent: of a task, whether the process that it was made of is killed instead.
    """

    victim: Victim
    after: int
    pause: float
    parent: bool


def kills(count: int, studies: int, seed: int) -> Iterator[Kill]:
    """As many of each, in an order and at moments by chance.

    Args:
        count: how many.
        studies: how many studies there are; near their end nobody is killed, for nobody works.
        seed: of the chance.
    """
    chance = random.Random(seed)
    victims = [list(Victim)[number % len(Victim)] for number in range(count)]
    chance.shuffle(victims)
    moments = sorted(chance.randrange(max(1, round(0.9 * studies))) for _ in victims)
    for victim, after in zip(victims, moments, strict=True):
        yield Kill(victim, after, chance.random(), chance.random() < 0.25)
