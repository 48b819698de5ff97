"""Who published a model, as its signatures and this site's trust list prove it.

What others have to know of a card: what it bears (`signatures_on`), what the site makes of it
(`Judge`), and whether it is still the one that was judged (`proved`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from IODeepLib.disk.file_memo import file_state
from IODeepLib.errors import InputError, ModelError
from IODeepLib.model_object.instance import Instance
from IODeepLib.model_object.known_signers import KnownSigners
from IODeepLib.trust.dicom_signature import DicomSignature, Integrity
from IODeepLib.trust.policy import tables
from IODeepLib.trust.signed_bytes import SIGNATURES
from IODeepLib.trust.verdict import NEVER, UNSIGNED, Claim, Trust

if TYPE_CHECKING:
    from IODeepLib.model_object.card import Card
    from IODeepLib.model_object.model import Model
    from IODeepLib.model_object.retirement import Retirement
    from IODeepLib.trust.signer import Signer
    from IODeepLib.trust.trust_list import TrustList


class _SaysWho(msgspec.Struct):
    publisher: Any = ""


def signatures_on(instance: Instance) -> tuple[DicomSignature, ...]:
    """The signatures of an instance that was just read from its file; none if it is unsigned.

    Raises:
        ModelError: the file is not the one that was read any more.
    """
    if instance.path is None or SIGNATURES not in instance.dataset:
        return ()
    from IODeepLib.trust.signature_reading import read_signatures

    try:
        found = read_signatures(instance.path)
    except InputError as error:
        found = (DicomSignature(Integrity.UNREADABLE, error.found),)
    if not instance.state or instance.state != file_state(instance.path):
        raise ModelError(
            f"{instance.where} was changed while it was read", "a file at rest", "read it again"
        )
    return found


class Judge:
    """What this site makes of cards and notices, now, with what this machine remembers.

    Args:
        trust_list: whom it believes; otherwise as the files of this machine say.

    Raises:
        UsageError: a mistake in one of the files.
    """

    def __init__(self, trust_list: TrustList | None = None) -> None:
        self._list = trust_list
        if trust_list is None and (said := tables()):
            from IODeepLib.trust.trust_list import read_trust_list

            self._list = read_trust_list(said)
        self._known = KnownSigners()
        self._now = datetime.now(UTC)

    def card(self, card: Card) -> Trust:
        """The verdict on a card."""
        return self._known.compared(card, self._seen(card.signatures, card))

    def keep(self) -> None:
        """Remember what was seen."""
        self._known.keep()

    def card_by(self, card: Card, signer: Signer | None) -> Trust:
        """The verdict on a card like this one that this key has signed; None for nobody's."""
        if signer is None:
            return self._verdict((), card)
        from IODeepLib.trust.mac import mac_for

        digest, certificates = mac_for(signer.key), (signer.certificate.der,)
        signature = DicomSignature(Integrity.INTACT, "", certificates=certificates, digest=digest)
        return self._verdict((signature,), card)

    def counts(self, notice: Retirement, model: Model) -> bool:
        """Whether a notice retires a model.

        That of a signed model has to be signed as well: by the same publisher, or by one who may
        speak for such models.
        """
        return _speaks_for(self._seen(notice.signatures, model.card), model)

    def would_count(self, signer: Signer | None, model: Model) -> bool:
        """The same of a notice that this key signs; None for nobody's."""
        return _speaks_for(self.card_by(model.card, signer), model)

    def _seen(self, signatures: tuple[DicomSignature, ...], card: Card) -> Trust:
        found = self._verdict(signatures, card)
        if found.is_trusted and self._list is not None and self._list.first_seen:
            self._known.saw(signatures, self._now)
        return found

    def _verdict(self, signatures: tuple[DicomSignature, ...], card: Card) -> Trust:
        if not signatures and self._list is None:
            return UNSIGNED
        from IODeepLib.trust.judge import judge
        from IODeepLib.trust.trust_list import TrustList

        if self._list is None:
            self._list = TrustList()
        who = msgspec.json.decode(card.model_card_json, type=_SaysWho).publisher
        who = who if isinstance(who, str) else ""
        claim = Claim(card.name, who, card.regions, self._known.seen)
        return judge(signatures, claim, self._list, self._now)


def _speaks_for(who: Trust, model: Model) -> bool:
    """Whether somebody, by the verdict on what they signed, may speak for a model."""
    owner = model.trust.publisher if model.trust else None
    if owner is None or who.is_trusted:
        return True
    if who.publisher is None or who.kind in NEVER:
        return False
    return who.publisher.key == owner.key


def proved(model: Model) -> Model:
    """A model with the verdict on its card as it lies in its file now.

    What was known of it may have come from elsewhere than from that file.

    Raises:
        ModelError: the card is another one, damaged, or in no file.
        UsageError: a mistake in the trust list.
    """
    from IODeepLib.model_object.card import read_card

    if model.card.path is None:
        raise ModelError(
            f"the card of {model.label} came without a file", "the card instance", "retrieve it"
        )
    if read_card(model.card.path) != model.card:
        raise ModelError(
            f"{model.card.path} holds another card than the one of {model.label} that was listed",
            "the same one",
            "list the models again",
        )
    return replace(model, trust=Judge().card(model.card))
