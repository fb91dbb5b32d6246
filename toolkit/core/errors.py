"""Mistakes of the user and states of the machine that end a step or recipe with a message, without a traceback."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from .disk import FREE_INODES, INODES, without_inodes
from .links import dangling

MENDABLE = {  # errors that the user can mend; any other OSError is a bug and keeps its traceback
    errno.ENOSPC: ("the disk is full", "free some room (`df -h` shows it)"),
    errno.EDQUOT: (
        "the disk quota is used up",
        "remove some files: a quota limits their bytes, their number or both (`quota -s` shows it)",
    ),
    errno.EACCES: ("no permission", "make it readable (inputs) or writable (outputs)"),
    errno.EISDIR: ("a folder where a file belongs", "mend the path"),
    errno.ENOTDIR: ("a file where a folder belongs", "mend the path"),
    errno.EEXIST: ("a file where a folder belongs", "mend the path"),
    errno.ENAMETOOLONG: ("a name too long for this file system", "shorten it"),
    errno.ELOOP: ("a link that leads to itself", "mend the link"),
    errno.EBUSY: ("something in use, a mounted disk perhaps", "unmount it, or name another folder"),
    errno.EAGAIN: ("no process or thread more to be had", "raise the limit (ulimit -u), or take fewer jobs (--nj)"),
    errno.ENOMEM: ("no memory left", "free some, or take fewer jobs (--nj)"),
    errno.EMFILE: ("too many open files", "raise the limit (ulimit -n)"),
    errno.EROFS: ("a read-only file system", "write somewhere else"),
}

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # tab and line feed stay
MOST_TOLD = 20  # mistakes that one error tells; a list of a thousand words has as many


def inert(text: str) -> str:
    r"""Text of a file as a terminal may show it: control characters, which it would obey, are written as \x1b."""
    return _CONTROLS.sub(lambda c: f"\\x{ord(c[0]):02x}", text)


class UserError(Exception):
    """A mistake that the user can mend; printed without a traceback.

    Args:
        what: what is wrong, in a sentence.
        where: file, line, id or field of the mistake.
        remedy: what to do or type.
    """

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.remedy = what, where, remedy

    @property
    def parts(self) -> tuple[UserError, ...]:
        """The mistakes that it tells: itself, or several (`together`)."""
        return (self,)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            gone = "" if "which is not there" in self.what else dangling(self.where)
            lines.append(f"  where:  {self.where}{gone and f': {gone}'}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return inert("\n".join(lines))


class _UserErrors(UserError):
    """Several mistakes."""

    def __init__(self, parts: Sequence[UserError]) -> None:
        super().__init__(f"{len(parts)} mistakes: {'; '.join(e.what for e in parts)}")
        self._parts = tuple(parts)

    @property
    def parts(self) -> tuple[UserError, ...]:
        return self._parts

    def __str__(self) -> str:
        return "\n".join(map(str, self._parts))


def together(errors: Sequence[UserError]) -> UserError:
    """One error that tells all mistakes, each with its place and remedy; an only one as it is."""
    parts = [part for e in errors for part in e.parts]
    more = [UserError(f"and {len(parts) - MOST_TOLD} mistakes more")] if len(parts) > MOST_TOLD else []
    return parts[0] if len(parts) == 1 else _UserErrors([*parts[:MOST_TOLD], *more])


@contextmanager
def told(code: int, where: str) -> Iterator[None]:
    """End the process with a message, without a traceback, for errors that the user can mend; with 130 on Ctrl-C.

    Args:
        code: exit code for a mistake.
        where: place of an error of the operating system that names no file.
    """
    try:
        yield
    except UserError as e:
        _end(e, code)
    except OSError as e:
        if e.errno not in MENDABLE:
            raise
        place = str(e.filename or where)
        what, remedy = MENDABLE[e.errno]
        if e.errno == errno.ENOSPC and without_inodes(place):
            what, remedy = INODES, FREE_INODES
        _end(UserError(what, place, remedy + " and rerun: what is finished is kept"), code)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        raise SystemExit(130) from None


def _end(error: UserError, code: int) -> NoReturn:
    print(*(f"error: {part}" for part in error.parts), sep="\n", file=sys.stderr)
    raise SystemExit(code) from None
