"""What files are known by: whether they are still the same is seen before they are used."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from IODeepLib.errors import ImageError
from IODeepLib.headers.header_file import open_regular


def digest_of(file: Path) -> str:
    """SHA-256 of a file.

    Raises:
        ImageError: it cannot be read.
    """
    try:
        with open_regular(file) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ImageError(
            f"{file} cannot be read ({error.strerror or error})",
            "the file that the cohort was collected with",
            "put it back, or collect the cohort again",
        ) from None


def digest_of_all(files: Sequence[Path]) -> str:
    """SHA-256 of those of the files, in their order; of one file another than its own."""
    return hashlib.sha256("\n".join(map(digest_of, files)).encode()).hexdigest()
