"""Reads damaged files under limits: one child process, one stretch of mutants.

python -m fuzzing.child TARGET SEED FIRST COUNT FOLDER

Where and how mutant number N of a target is damaged depends on the seed and on N only. For each, a
line of JSON says what came of it, so that whoever reads the lines knows where a child died; that
mutant is then FOLDER/current. Other findings are kept in FOLDER under their numbers.
"""

from __future__ import annotations

import faulthandler
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

from fuzzing.limits import TooLongError, limit_this_process, start_clock
from fuzzing.targets import Target, target

READY, CURRENT, GOOD = "ready", "current", ("read", "refused")
_DEAD_AFTER = 60.0  # seconds of any kind: it does not even listen to signals


def mutant(what: Target, name: str, seed: int, number: int) -> bytes:
    """Mutant `number` of a target."""
    rng = Random(f"{seed}/{name}/{number}")
    return what.damage(rng, rng.choice(what.seeds), what.seeds)


def outcome(what: Target, content: bytes) -> tuple[str, str]:
    """What came of reading `content`: a word, and where it went wrong."""
    faulthandler.dump_traceback_later(_DEAD_AFTER, exit=True)
    start_clock()
    try:
        word = "read" if what.read(content) else "refused"
        place = ""
    except TooLongError as error:
        word, place = "too long", _place(error)
    except MemoryError as error:
        word, place = "too much memory", _place(error)
    except Exception as error:
        word, place = "other error", f"{type(error).__name__}: {error} {_place(error)}"
    finally:
        start_clock(0)
        faulthandler.cancel_dump_traceback_later()
    return word, place


def main() -> None:
    """See above."""
    name, *numbers, last = sys.argv[1:]
    seed, first, count = map(int, numbers)
    folder = Path(last)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        what = target(name, Path(place))
        limit_this_process()
        print(READY, flush=True)
        for number in range(first, first + count):
            content = mutant(what, name, seed, number)
            (folder / CURRENT).write_bytes(content)
            start = time.process_time()
            word, where = outcome(what, content)
            seconds = round(time.process_time() - start, 3)
            if word not in GOOD:
                (folder / CURRENT).replace(folder / str(number))
            print(json.dumps([number, word, where[:1000], seconds]), flush=True)


def _place(error: BaseException) -> str:
    """The last lines of the project that the error came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "fuzzing" not in f.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[::-1][:6])


if __name__ == "__main__":
    main()
