"""The entry point: runs a command, renders its errors, and turns them into exit codes.

0 right · 1 wrong input or a mismatch · 2 usage · 3 a tool is missing · 70 our bug · 130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from nc.compiler.cli.output import render
from nc.ir.diagnostics import Diagnostic, InternalError, NcError, Where

_INTERRUPTED = 130


def main() -> NoReturn:
    """`nc`: the command line of this process."""
    signal.signal(signal.SIGTERM, _terminated)
    # Amaranth warns about components made only to ask them for their ports.
    warnings.filterwarnings("ignore", message=".* created but never used")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing is raised but with --debug."""
    flags = set(arguments)
    try:
        code = _invoke(arguments)
    except NcError as error:
        _debug(flags, error)
        return _report(error.diagnostics, error.exit_code, flags)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as in `nc ops | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        _debug(flags, error)
        reason = error.strerror or str(error)
        found = Diagnostic("NC005", f"the file must be accessible: {reason}", Where(file=str(error.filename or "")))
        return _report([found], 1, flags)
    except MemoryError as error:
        _debug(flags, error)
        return _report([Diagnostic("NC004", "the job must fit the memory of this machine")], 1, flags)
    except Exception as error:  # the last resort: every other exception is a defect of ours
        _debug(flags, error)
        return _report([_defect(error)], InternalError.exit_code, flags)
    if code == _INTERRUPTED:
        return _report([], _INTERRUPTED, flags)
    return code


def _invoke(arguments: Sequence[str]) -> int:
    import typer

    from nc.compiler.cli.app import build

    try:
        return int(build().main(list(arguments), prog_name=_name(), standalone_mode=False) or 0)
    except typer.TyperException as error:
        if not arguments:  # a bare `nc` shows the help
            print(error.format_message(), file=sys.stderr)
            return 2
        message, help_line = _usage(error.format_message(), arguments)
        print_code = Diagnostic("NC003", message, help=help_line)
        raise _usage_error(print_code) from None
    except typer.Abort:
        return _INTERRUPTED


def _name() -> str:
    """`nc` or `ncc`, as it was called: completion is installed for that word, and netcat keeps the other."""
    return "ncc" if Path(sys.argv[0]).name == "ncc" else "nc"


def _usage_error(diagnostic: Diagnostic) -> NcError:
    from nc.ir.diagnostics import UsageError

    return UsageError(diagnostic)


def _usage(message: str, arguments: Sequence[str]) -> tuple[str, str]:
    """typer's words in our shape: the finding, and the suggestion or the help command as the help line."""
    text = " ".join(message.split())
    for mark in ("Did you mean", "(Possible options:", "(Did you mean"):
        before, found, after = text.partition(mark)
        if found:
            kind = "did you mean" if "Did" in mark else "possible options:"
            return _lower(before.rstrip(" .,")), f"{kind}{after.rstrip(')')}"
    command = next((a for a in arguments if not a.startswith("-")), "")
    return _lower(text.rstrip(".")), f"nc {command} --help".replace("  ", " ")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _report(diagnostics: Sequence[Diagnostic], code: int, flags: set[str]) -> int:
    if "--json" in flags:
        record = {"error": True, "exit_code": code, "diagnostics": [d.to_json() for d in diagnostics]}
        print(json.dumps(record), flush=True)
    elif code == _INTERRUPTED:
        print("interrupted", file=sys.stderr, flush=True)
    else:
        render(diagnostics)
    return code


def _defect(error: BaseException) -> Diagnostic:
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Diagnostic(
        "NC001",
        f"this is a defect of nc: {reason}",
        help="please report it with the output of the same command with --debug",
    )


def _debug(flags: set[str], error: BaseException) -> None:
    if "--debug" in flags:
        import traceback

        traceback.print_exception(error, file=sys.stderr)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM ends the work as Ctrl-C does, so that nothing half-written stays behind."""
    del number, frame
    raise KeyboardInterrupt
