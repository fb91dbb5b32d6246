"""The error of a recording that cannot be used."""

from __future__ import annotations

from ..core.errors import UserError


class AudioError(UserError):
    """A recording that cannot be used.

    Args:
        reason: short category that can be counted: missing, empty, unreadable, truncated, several streams, non-finite,
            past end, bad segment, rate, pipe, channels.
        message, where, remedy: as what, where, remedy of UserError.
    """

    def __init__(self, reason: str, message: str, where: str, remedy: str = "") -> None:
        super().__init__(message, where, remedy)
        self.reason = reason
