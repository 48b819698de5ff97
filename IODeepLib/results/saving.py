"""Writing a file whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from IODeepLib.errors import OutputError


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """A temporary file that becomes `path` when the block ends well, and vanishes otherwise.

    A file that was there before is replaced.

    Raises:
        OutputError: it cannot be written.
    """
    target = Path(path).absolute()
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the rename stays on one file system; the folder is private,
        # the file gets its permissions as any other.
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        yield temporary / target.name
        (temporary / target.name).replace(target)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written ({error.strerror or error})",
            "a folder with write permission and room",
            "choose another place",
        ) from None
    finally:
        if temporary is not None:
            (temporary / target.name).unlink(missing_ok=True)
            temporary.rmdir()
