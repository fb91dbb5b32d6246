"""Mistakes of the user and states of the machine that end a step or recipe with a message, without a traceback."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

MENDABLE = {  # errors that the user can mend; any other OSError is a bug and keeps its traceback
    errno.ENOSPC: ("the disk is full", "free some room"),
    errno.EDQUOT: ("the disk quota is used up", "free some room"),
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

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where:  {self.where}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)


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
        what, remedy = MENDABLE[e.errno]
        _end(UserError(what, str(e.filename or where), remedy + " and rerun: what is finished is kept"), code)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        raise SystemExit(130) from None


def _end(error: UserError, code: int) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(code) from None
