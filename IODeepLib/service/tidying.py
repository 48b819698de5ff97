"""What ended services have left: jobs go back into the queue, and folders nobody needs go."""

from __future__ import annotations

from IODeepLib.errors import UsageError
from IODeepLib.service.hands import Hands
from IODeepLib.service.log import tell


def tidy(hands: Hands) -> None:
    """Take back what ended services had, and clear away what is not needed any more.

    Raises:
        OutputError: the queue cannot be used.
    """
    for queue in (hands.jobs, hands.studies):
        for owner in filter(hands.owner.is_dead, queue.owners()):
            count = queue.take_back(owner)
            tell("taken back", of=owner, what=queue.what, count=count)
    for uid in hands.place.jobs():
        try:
            needed = not hands.jobs.job(uid).state.is_final
        except UsageError:
            needed = False
        if not needed:
            hands.place.forget_job(uid)
    for owner in filter(hands.owner.is_dead, hands.place.lookers()):
        hands.place.forget_looks(owner)
    for study in hands.place.studies():
        if not hands.studies.is_taken(study):
            hands.forget_unwanted_images(study)
    for study in hands.received.studies():
        hands.received.forget_unneeded(study)
    for file in hands.received.arrivals():
        if hands.owner.is_dead(file.name.removeprefix(".")):
            file.unlink(missing_ok=True)
    hands.place.forget_removed()
    hands.helpers.tidy()
