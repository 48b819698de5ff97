"""Reading the call, and the exit status.

Exit status: 0 done; 1 a fault of IODeep itself; 2 usage; 3 no model fits; 4 bad input (image,
model, recipe); 5 the other side (PACS) failed; 130 canceled. An error is one line on standard
error.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Container, Sequence
from types import FrameType
from typing import NoReturn

import IODeepLib
from IODeepLib.cli import console
from IODeepLib.cli.json_lines import JsonLines, asked_for
from IODeepLib.cli.verbs import VERBS, module_of
from IODeepLib.errors import IODeepError
from IODeepLib.text.foreign import printable, printable_lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    console.speak(JsonLines("") if asked_for(given) else None)
    options = parser(given).parse_args(given)  # a verb that is called stands there
    lines = JsonLines(options.verb) if options.progress == "json" else None
    console.speak(lines)
    _say_messages(options.verbose, lines)
    # A scheduler's SIGTERM ends a run as cleanly as Ctrl-C does.
    interruption = _Interruption()
    former = {n: signal.signal(n, interruption) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        return _status(options, interruption)
    except KeyboardInterrupt:
        console.fail(console.CANCELED, 130)
        return 130
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _say_messages(verbose: bool, lines: JsonLines | None) -> None:
    """Messages go to standard error; those of other packages only where tracebacks do.

    What they have to say of an error, such as every try to get a connection, is in ours.
    """
    handler = logging.StreamHandler() if lines is None else _LineHandler(lines)
    handler.setFormatter(
        _PrintableFormatter("%(levelname)s: %(message)s" if lines is None else "%(message)s")
    )
    if not verbose:
        handler.addFilter(logging.Filter(IODeepLib.__name__))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])


class _PrintableFormatter(logging.Formatter):
    """What others say may hold what a terminal obeys."""

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record))


class _LineHandler(logging.Handler):
    """Messages for programs."""

    def __init__(self, lines: JsonLines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.message(self.format(record), record.levelname.lower())


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a call as everything else is said."""

    def error(self, message: str) -> NoReturn:
        if not console.to_programs():
            super().error(message)
        console.fail(message, 2)
        sys.exit(2)


class _Interruption:
    """Turns a signal into KeyboardInterrupt, and remembers it: it may become another error."""

    came = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt


def _status(options: argparse.Namespace, interruption: _Interruption) -> int:
    """Run the verb; its exit status, and one line for whatever goes wrong."""
    from IODeepLib.disk.files import clear_left

    try:
        console.check_output()
        clear_left()
        return options.run(options) or 0
    except IODeepError as error:
        if interruption.came:
            raise KeyboardInterrupt from error
        if options.verbose:
            logging.getLogger(__name__).exception("what led to it:")
        console.fail(str(error), error.exit_status)
        return error.exit_status
    except MemoryError:
        console.fail(
            "found too little memory; wanted: room for the image and the network's scores; "
            "next: close other programs, or take a machine with more",
            4,
        )
        return 4
    except PermissionError as error:
        if interruption.came:
            raise KeyboardInterrupt from error
        console.fail(
            f"found no permission for {error.filename}; wanted: a place that this user may use; "
            "next: choose another one, or ask whose it is",
            4,
        )
        return 4
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; that is its right.
        console.discard_output()
        return 0
    except Exception as error:
        if interruption.came:  # it came while a module was imported, for instance
            raise KeyboardInterrupt from error
        if options.verbose:
            raise
        what = printable(f"{type(error).__name__}: {error}")
        console.fail(
            f"found a fault of IODeep itself ({what}); wanted: a result or a reason; "
            "next: call it again with --verbose and report what it prints",
            1,
        )
        return 1


def parser(called: Container[str] = VERBS) -> argparse.ArgumentParser:
    """The argument parser with all verbs, and the arguments of those that may be `called`."""
    top = _Parser(
        prog="iodeep", description="Trained networks as DICOM instances: keep, find, run them."
    )
    top.add_argument("--version", action="version", version=f"iodeep {IODeepLib.__version__}")
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON document, nothing else")
    common.add_argument(
        "--progress",
        choices=("bar", "json"),
        default="bar",
        help="on standard error: a bar on a terminal, or a line of JSON for each step [bar]",
    )
    common.add_argument("-v", "--verbose", action="store_true", help="messages and tracebacks")
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, summary in VERBS.items():
        sub = verbs.add_parser(name, parents=[common], help=summary, description=summary)
        if name in called:
            verb = module_of(name)
            verb.add_arguments(sub)
            sub.set_defaults(run=verb.run, verb=name)
    return top
