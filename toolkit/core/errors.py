"""The mistakes of a user, and the states of a machine, that end a step or a recipe with a message and no traceback."""

from __future__ import annotations

import errno

MENDABLE = {  # states of the machine that its user can mend; any other OSError is a bug and keeps its traceback
    errno.ENOSPC: ("the disk is full", "free some room"),
    errno.EDQUOT: ("the disk quota is used up", "free some room"),
    errno.EACCES: ("no permission", "make it readable (inputs) or writable (outputs)"),
    errno.EISDIR: ("a folder where a file belongs", "mend the path"),
    errno.ENOTDIR: ("a file where a folder belongs", "mend the path"),
    errno.EEXIST: ("a file where a folder belongs", "mend the path"),
    errno.ENAMETOOLONG: ("a name too long for this file system", "shorten it"),
    errno.EROFS: ("a read-only file system", "write somewhere else"),
}


class UserError(Exception):
    """A mistake its user can mend; printed without a traceback.

    Args:
        what: what is wrong, in a sentence.
        where: file, line, id or field in which it is.
        remedy: what to do about it.
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


def mendable(e: OSError, where: str) -> UserError | None:
    """`e` as its user's to mend, at the file it names, else at `where`; None for an error that is nobody's mistake."""
    if e.errno not in MENDABLE:
        return None
    what, remedy = MENDABLE[e.errno]
    return UserError(what, str(e.filename or where), remedy + " and rerun: what is finished is kept")
