"""The exceptions that IODeep raises on purpose.

Every message is one line of three parts: what was found, what was wanted, what to do next. Each
class carries the exit status that the command line ends with, so that a script can tell a bad
image from a PACS that does not answer.
"""

from __future__ import annotations

from IODeepLib.text.foreign import printable


class IODeepError(Exception):
    """Base of all errors that a user can do something about.

    Args:
        found: what was found, with the measured figures.
        wanted: what would have been right.
        next_step: what the user can do now.
    """

    exit_status = 1

    def __init__(self, found: str, wanted: str, next_step: str) -> None:
        super().__init__(found, wanted, next_step)
        self.found = found
        self.wanted = wanted
        self.next_step = next_step

    def __str__(self) -> str:
        # One line that nothing obeys, whatever the parts were made from.
        return printable(f"{self.found}; wanted: {self.wanted}; next: {self.next_step}")


class UsageError(IODeepError):
    """The call itself is wrong: an option, an argument, a name that does not exist."""

    exit_status = 2


class NoModelFitsError(IODeepError):
    """No model fits the series; the reasons are in the selection."""

    exit_status = 3


class InputError(IODeepError):
    """Something that was read is not usable."""

    exit_status = 4


class ImageError(InputError):
    """A DICOM image series cannot be read, or is not what the model needs."""


class ModelError(InputError):
    """A model (ONNX file or DICOM instances) is damaged, incomplete or not runnable."""


class RecipeError(InputError):
    """A recipe is not valid, or contradicts its network. `found` begins with the JSON path."""


class CertificateError(InputError):
    """A certificate, a key, or a list of revoked certificates cannot be used."""


class OutputError(InputError):
    """A result cannot be written: no permission, no space, in the way of something else."""


class SourceError(IODeepError):
    """The other side (a PACS) failed or refused."""

    exit_status = 5


class CancelledError(IODeepError):
    """The user stopped the run; nothing was written."""

    exit_status = 130

    def __init__(self) -> None:
        super().__init__("the run was canceled", "a run to its end", "start it again")
