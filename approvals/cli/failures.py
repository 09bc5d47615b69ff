"""Explains errors at the end of a command: nobody sees a traceback without asking for it.

Errors that a person can fix are raised where they happen, as `Stop`. All others end here.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from approvals import __version__
from approvals.app.exits import Exit, Stop
from approvals.model import Busy

DEBUG: Final = "COUNTERSIGN_DEBUG"
"""The variable that shows tracebacks. They hold no values of variables, but texts of errors do."""
_HERE: Final = Path(__file__).resolve().parents[2]


def explained(error: Exception, environ: Mapping[str, str]) -> tuple[int, str]:
    """The command's exit code, and its message for stderr."""
    stop = _stop(error)
    if stop is not None:
        code, said = stop.code, str(stop)
    else:
        code, said = _known(error) or (Exit.FAILED, _unknown(error))
    if environ.get(DEBUG):
        return code, f"{''.join(traceback.format_exception(error)).rstrip()}\n{said}"
    return code, said


def _stop(error: BaseException) -> Stop | None:
    """Also one that was raised by a task among others."""
    if isinstance(error, Stop):
        return error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return next(filter(None, map(_stop, inner)), None)


def _known(error: Exception) -> tuple[Exit, str] | None:
    match error:
        case Busy():
            return Exit.UNREACHABLE, f"The database cannot be used: {error}."
        case UnicodeDecodeError():
            return Exit.FAILED, "What was given is not text in UTF-8."
        case MemoryError():
            return Exit.FAILED, "There is not enough memory."
        case OSError() if error.errno:
            where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
            return Exit.FAILED, f"{where}{os.strerror(error.errno)}."
    return None


def _unknown(error: Exception) -> str:
    """Without the error's own text: it may quote a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if Path(one.filename).is_relative_to(_HERE)] or list(frames)
    where = (
        f"{Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else "an unknown place"
    )
    return (
        f"✗ Countersign failed in a way that it should not: {type(error).__name__} in {where}.\n"
        f"  Please report it as a bug, with this line, your command, Countersign {__version__} and "
        f"Python {sys.version.split()[0]}.\n"
        f"  {DEBUG}=1 before the command shows the details; look through them for secrets before "
        "you pass them on."
    )
