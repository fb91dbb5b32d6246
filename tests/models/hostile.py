"""A pickle with code in it."""

import os
from pathlib import Path
from typing import Any


class Hostile:
    """A pickle that makes a folder when it is opened as Python opens pickles."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)
