"""Procedure steps over DIMSE: what other application entities ask of them (PS3.4 section CC.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from IODeepLib.errors import OutputError
from IODeepLib.headers import text
from IODeepLib.service.dimse.listener import Services
from IODeepLib.service.dimse.request import (
    C_FIND,
    N_ACTION,
    N_CREATE,
    N_GET,
    N_SET,
    NO_ROOM,
    NOT_UNDERSTOOD,
    PENDING,
    SUCCESS,
    NoDataSetError,
    Request,
)
from IODeepLib.service.dimse.settings import Dimse
from IODeepLib.service.hands import Hands
from IODeepLib.service.settings import Ups
from IODeepLib.service.ups import refusals
from IODeepLib.service.ups.listener import worklist_of
from IODeepLib.service.ups.matching import answer
from IODeepLib.service.ups.refusals import Status, UpsError
from IODeepLib.service.ups.subscriptions import Subscriptions
from IODeepLib.service.ups.worklist import Worklist
from IODeepLib.sources.transfer import PLAIN
from IODeepLib.text.foreign import is_uid

_CLASSES = (refusals.UPS_PUSH, refusals.UPS_PULL, refusals.UPS_WATCH, refusals.UPS_QUERY)
# Action types; PS3.4 tables CC.2.1-1, CC.2.2-1, CC.2.3-1.
_CHANGE_STATE, _REQUEST_CANCEL, _SUBSCRIBE, _UNSUBSCRIBE, _SUSPEND = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class OverDimse:
    """Answers requests.

    Attributes:
        worklist: the steps.
        subscriptions: who wants to know of them.
        dimse: who may be told.
    """

    worklist: Worklist
    subscriptions: Subscriptions
    dimse: Dimse

    @property
    def services(self) -> Services:
        """See `DimseListener`."""
        answers: dict[int, Callable[[Request], bool]] = {
            C_FIND: self._find,
            N_GET: self._get,
            N_SET: self._set,
            N_ACTION: self._act,
            N_CREATE: self._create,
        }
        return Services(
            dict.fromkeys(_CLASSES, PLAIN),
            {field: _guarded(one) for field, one in answers.items()},
        )

    def _create(self, request: Request) -> bool:
        uid = request.instance or str(generate_uid())
        if not is_uid(uid):
            raise UpsError(Status.BAD_VALUE, "SOPInstanceUID")
        status = self.worklist.create(uid, request.data_set())
        request.answer(status, comment=status.words, instance=uid)
        return True

    def _get(self, request: Request) -> bool:
        step = self.worklist.step(request.instance)
        listed = request.message.command.get("AttributeIdentifierList")
        if listed:
            tags = listed if not isinstance(listed, int) else [listed]
            asked, step = step, Dataset()
            for tag in tags:
                if tag in asked:
                    step.add(asked[tag])
        request.answer(SUCCESS, _in_unicode(step))
        return False

    def _set(self, request: Request) -> bool:
        given = request.data_set()
        status = self.worklist.update(request.instance, given, text(given, "TransactionUID"))
        request.answer(status, comment=status.words)
        return False

    def _find(self, request: Request) -> bool:
        keys = request.data_set()
        for step in self.worklist.search(keys):
            request.answer(PENDING, _in_unicode(answer(step, keys)))
        request.answer(SUCCESS)
        return False

    def _act(self, request: Request) -> bool:
        action, uid = request.message.command.ActionTypeID, request.instance
        given = request.data_set()
        status = Status.DONE
        if action == _CHANGE_STATE:
            state = text(given, "ProcedureStepState")
            status = self.worklist.change_state(uid, state, text(given, "TransactionUID"))
        elif action == _REQUEST_CANCEL:
            reason = text(given, "ReasonForCancellation") or f"{request.caller} canceled it"
            status = self.worklist.request_cancel(uid, reason)
        elif action in (_SUBSCRIBE, _UNSUBSCRIBE, _SUSPEND):
            self._subscribe(action, uid, given)
        else:
            raise UpsError(Status.NO_SUCH_ACTION)
        request.answer(status, comment=status.words)
        return True

    def _subscribe(self, action: int, uid: str, given: Dataset) -> None:
        title = text(given, "ReceivingAE")
        caller = self.dimse.caller(title)
        if caller is None or caller.port is None:
            raise UpsError(Status.UNKNOWN_RECEIVER)
        if action == _UNSUBSCRIBE:
            self.subscriptions.unsubscribe(uid, title)
        elif action == _SUSPEND:
            self.subscriptions.suspend(uid, title)
        else:
            keys = None
            if uid == refusals.EVERY_STEP_LIKE:
                keys = Dataset()
                keys.update(given)
                for keyword in ("ReceivingAE", "DeletionLock", "RequestingAE"):
                    keys.pop(keyword, None)
            locks = text(given, "DeletionLock") == "TRUE"
            self.subscriptions.subscribe(uid, title, keys, locks=locks)


def over_dimse(hands: Hands, ups: Ups, dimse: Dimse) -> Services:
    """See `DimseListener`."""
    worklist = worklist_of(hands, ups)
    return OverDimse(worklist, Subscriptions(hands.database, worklist), dimse).services


def _guarded(body: Callable[[Request], bool]) -> Callable[[Hands, Request], bool]:
    """What cannot be done is answered with its number, and the association goes on."""

    def answered(hands: Hands, request: Request) -> bool:
        try:
            return body(request)
        except UpsError as refusal:
            request.answer(refusal.status, comment=str(refusal))
        except NoDataSetError:
            request.answer(NOT_UNDERSTOOD, comment="no data set")
        except OutputError:
            request.answer(NO_ROOM, comment="no room on the disk")
        return False

    return answered


def _in_unicode(found: Dataset) -> Dataset:
    found.SpecificCharacterSet = "ISO_IR 192"
    return found
