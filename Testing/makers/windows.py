"""Windows' file locks on Linux, as far as `IODeepLib.locks` uses them.

msvcrt.locking is `_locking` of the C runtime, which calls LockFile: a range of bytes, from where
the file stands, belongs to one opened file alone, even within a process and beyond the file's
end, until it is unlocked or closed. Open file description locks (fcntl(2)) are the same on Linux,
so that real processes can hold them against each other.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
import time
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from types import ModuleType

LK_UNLCK, LK_LOCK, LK_NBLCK, LK_RLCK, LK_NBRLCK = range(5)
_TRIES = 10


def locking(file: int, mode: int, count: int) -> None:
    """See `_locking` in the documentation of the C runtime.

    Raises:
        PermissionError: somebody else has some of the bytes (LK_NBLCK, LK_NBRLCK).
        OSError: the same, after ten tries a second apart (LK_LOCK, LK_RLCK).
    """
    if not 0 <= count < 2**31:  # a C long, which has 32 bits there
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    kind = fcntl.F_UNLCK if mode == LK_UNLCK else fcntl.F_WRLCK  # reading locks exclude as well
    start = os.lseek(file, 0, os.SEEK_CUR)
    request = struct.pack("hhqqi", kind, os.SEEK_SET, start, count, 0)
    patient = mode in (LK_LOCK, LK_RLCK)
    for tries_left in reversed(range(_TRIES if patient else 1)):
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, request)
            return
        except BlockingIOError:
            if tries_left:
                time.sleep(1.0)
    code = errno.EDEADLOCK if patient else errno.EACCES
    raise OSError(code, os.strerror(code))


def locks_on_windows() -> ModuleType:
    """Another `IODeepLib.locks`, as Windows imports it."""
    origin = find_spec("IODeepLib.locks").origin
    spec = spec_from_file_location("locks_on_windows", origin)
    module = module_from_spec(spec)
    here, sys.platform = sys.platform, "win32"
    sys.modules["msvcrt"] = sys.modules[__name__]
    try:
        spec.loader.exec_module(module)
    finally:
        sys.platform = here
        del sys.modules["msvcrt"]
    return module
