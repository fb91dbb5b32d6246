"""loss.tsv and TensorBoard: the curves of a run while it runs.

loss.tsv holds one row per `log_every` steps and per validation: means over the steps since the row before;
dev columns are `-` in rows without a validation. It depends on the run alone: a resumed run first cuts it back
to its checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from ...core.files import write_text

ABSENT = "-"


NORM, SQUARE, VARIANCE = "grad_norm_", "grad_square_", "grad_var_"  # prefix of a group's column


class Window:
    """Sums since the last row: name -> [numerator, denominator]; the mean is their quotient."""

    def __init__(self, sums: Mapping[str, list[float]]) -> None:
        self.sums = {name: list(pair) for name, pair in sums.items()}

    def add(self, name: str, numerator: float, denominator: float = 1.0) -> None:
        pair = self.sums.setdefault(name, [0.0, 0.0])
        pair[0] += numerator
        pair[1] += denominator

    def add_norm(self, group: str, norm: float) -> None:
        """Add the norm of the gradient of one micro-batch of a group."""
        column = "_".join(group.split())
        self.add(NORM + column, norm)
        self.add(SQUARE + column, norm * norm)

    def means(self) -> dict[str, float]:
        """Means, in the order in which the names were added; NaN for a denominator of 0."""
        return {name: n / d if d else math.nan for name, (n, d) in self.sums.items()}


def group_columns(means: dict[str, float]) -> dict[str, float]:
    """Move the groups' norms out of the means: mean and variance of the norm over each group's micro-batches."""
    groups = [name.removeprefix(NORM) for name in means if name.startswith(NORM)]
    columns: dict[str, float] = {}
    for group in groups:
        mean, square = means.pop(NORM + group), means.pop(SQUARE + group)
        columns |= {NORM + group: mean, VARIANCE + group: max(0.0, square - mean * mean)}
    return columns


class History:
    """Context manager that writes the rows. A column that appears late is added at the end, with `-` in old rows."""

    def __init__(self, out: Path, step: int, tensorboard: bool, dev_only: tuple[str, ...] = ()) -> None:
        """`dev_only`: names of figures that only the dev set has."""
        self.dev_only = dev_only
        self.path = out / "loss.tsv"
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        kept = [line for line in lines[1:] if line.split("\t")[0].isdigit() and int(line.split("\t")[0]) <= step]
        self.header = lines[0].split("\t") if kept else []
        write_text(self.path, "".join(line + "\n" for line in [*lines[:1], *kept] if kept))
        self.file = open(self.path, "a", encoding="utf-8")
        self.board: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # takes a second to import, and is optional

            self.board = SummaryWriter(str(out / "tensorboard"), purge_step=step + 1)

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        if self.board:
            self.board.close()

    def write(
        self, step: int, train: Mapping[str, float], dev: Mapping[str, float] | None, rest: Mapping[str, float]
    ) -> None:
        """A row: training means, dev means of these names and of `dev_only` (None: this run has no dev set), `rest`."""
        if not train and not self.header:
            return  # all steps so far were skipped: the columns are not known yet
        row = {**train, **{f"dev_{n}": v for n, v in (dev or {}).items()}, **rest}
        if not self.header:
            names = (*train, *self.dev_only)
            self.header = ["step", *train, *([f"dev_{n}" for n in names] if dev is not None else []), *rest]
            self.file.write("\t".join(self.header) + "\n")
        if late := [name for name in row if name not in self.header]:
            self._widen(late)
        cells = [f"{row[name]:.7g}" if name in row else ABSENT for name in self.header[1:]]
        self.file.write("\t".join([str(step), *cells]) + "\n")
        self.file.flush()

    def _widen(self, names: list[str]) -> None:
        """Add columns to all rows, in a new file that replaces the old one."""
        self.file.close()
        header, *rows = self.path.read_text(encoding="utf-8").splitlines()
        absent = f"\t{ABSENT}" * len(names)
        write_text(
            self.path, "".join(f"{line}\n" for line in ["\t".join([header, *names]), *(r + absent for r in rows)])
        )
        self.header += names
        self.file = open(self.path, "a", encoding="utf-8")

    def show(self, step: int, scalars: Mapping[str, float]) -> None:
        """Scalars for TensorBoard; names with a slash are grouped by the part before it."""
        for name, value in scalars.items() if self.board else ():
            self.board.add_scalar(name, value, step)
