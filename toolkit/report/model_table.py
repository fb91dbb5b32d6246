"""Table 1, models and probes: every row with every task, its interval and its cost, and what is absent said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .compare import tuned_otherwise
from .probes import BASELINES, BEAM, Row, Task, heading, task_name
from .results import Results
from .tables import ABSENT, THIS_RUN, Cell, Column, Estimate, Table, fixed, listed

LABELS = {  # tables of a data dir without which a task has no labels
    "phone": ("phones.ctm",),
    "asr": ("text",),
    "dialect": ("utt2lang",),
    "language": ("utt2lang",),
    "emotion": ("utt2emotion",),
}


@dataclass(frozen=True)
class TaskColumn:
    """A task's figure: its own metric, or the one of its `others` that is named."""

    task: str
    metric: str
    other: str = ""

    @property
    def title(self) -> str:
        return heading(self.task, self.metric)

    def of(self, row: Row) -> Estimate | None:
        task = row.tasks.get(self.task)
        if task is None:
            return None
        return task.others.get(self.other) if self.other else task.estimate


def task_columns(results: Results) -> list[TaskColumn]:
    """Phone, CER and WER, dialect or language, emotion, whether or not they were measured; then any other task."""
    measured = {name: task for row in results.rows for name, task in row.tasks.items()}
    spoken = [name for name in ("dialect", "language") if name in measured] or ["dialect"]
    known = ["phone", "asr", *spoken, "emotion"]
    columns = []
    for name in [*known, *sorted(set(measured) - set(known))]:
        usual = "CER" if name == "asr" else "accuracy"
        columns.append(TaskColumn(name, measured[name].metric if name in measured else usual))
        if name == "asr":
            columns.append(TaskColumn("asr", "WER", "wer"))
    return columns


def rows_wanted(results: Results) -> list[tuple[str, Row | None]]:
    """(title, row) of every row, in their order, and of the baselines and trained networks that were not probed."""
    of_model = any(row.kind == "random" and row.of for row in results.rows)
    wanted: list[tuple[str, Row | None]] = []
    for kind, title in BASELINES.items():
        found = [row for row in results.rows if row.kind == kind and row.of is None]
        lacking = not found and not (kind == "random" and of_model)
        wanted += [(title, None)] if lacking else [(row.title, row) for row in found]
    shared = {row.name for _, row in wanted if row}
    for row in results.rows:
        if row.name in shared:
            continue
        if of_model and row in results.models and results.twin(row) is None:
            wanted.append((f"{row.name}, random", None))
        wanted.append((row.title, row))
    groups = {row.group for row in results.rows}
    return wanted + [(training.name, None) for training in results.trainings if training.name not in groups]


def model_table(results: Results) -> Table:
    """Table 1 of the report."""
    tasks = task_columns(results)
    rows = rows_wanted(results)
    against = reference(results)
    titles = ["Parameters", "Compression %", *(t.title for t in tasks), "RTF", "Latency ms", "Peak MB"]
    body = [
        [title, *_size(row, against), *(t.of(row) if row else None for t in tasks), *_cost(row)] for title, row in rows
    ]
    chance = [_chance(results, t) for t in tasks]
    body.append(["chance", None, None, *chance, None, None, None])
    return Table(
        title="Table 1. Models and probes",
        columns=[Column("Model", "left"), *map(Column, titles)],
        rows=body,
        notes=[*_reading(results, tasks), *_missing(results, rows, tasks)],
        mark=THIS_RUN,
        strong=frozenset(i for i, (_, row) in enumerate(rows) if row and row.kind == "model"),
        muted=frozenset(i for i, (_, row) in enumerate(rows) if row and row.kind == "random" and row.of),
        first=frozenset(_begins_group(rows)),
    )


def _begins_group(rows: Sequence[tuple[str, Row | None]]) -> Iterator[int]:
    """Numbers of the rows at which another model begins; chance, after all rows, stands apart too."""
    before: str | None = None
    for i, (title, row) in enumerate(rows):
        shared = row is not None and row.kind != "model" and row.of is None
        group = "" if shared else row.group if row else title.removesuffix(", random")
        if before is not None and group != before:
            yield i
        before = group
    yield len(rows)


def count(n: int | None) -> str | None:
    """Parameters as papers print them: 316M, 0.72M."""
    if n is None or n == 0:
        return None if n is None else "0"
    millions = n / 1e6
    return f"{millions:,.0f}M" if millions >= 100 else f"{millions:.1f}M" if millions >= 10 else f"{millions:.2f}M"


def reference(results: Results) -> Row | None:
    """What compression is held against: the largest network trained here, else the largest row."""
    sized = [row for row in results.rows if row.parameters]
    trained = {training.name for training in results.trainings}
    return max([r for r in sized if r.name in trained] or sized, key=lambda row: row.parameters or 0, default=None)


def compression(row: Row | None, against: Row | None) -> str | None:
    """Parameters saved against another row, percent; None for features without parameters."""
    if row is None or against is None or not row.parameters or not against.parameters:
        return None
    return fixed(100 * (1 - row.parameters / against.parameters))


def _size(row: Row | None, against: Row | None) -> list[Cell]:
    return [count(row.parameters) if row else None, compression(row, against)]


def _cost(row: Row | None) -> list[Cell]:
    if row is None or row.cost is None:
        return [None, None, None]
    shown: list[tuple[float | None, Callable[[float], str]]] = [
        (row.cost.rtf, "{:.3g}".format),
        (row.cost.latency_ms, "{:,.1f}".format),
        (row.cost.peak_mb, "{:,.0f}".format),
    ]
    return [None if value is None else write(value) for value, write in shown]


def _chance(results: Results, column: TaskColumn) -> str | None:
    found = {row.tasks[column.task].chance for row in results.rows if column.task in row.tasks} - {None}
    if column.other or not found:
        return None
    return " / ".join(f"{value:.1f}" for value in sorted(v for v in found if v is not None))


def _reading(results: Results, columns: Sequence[TaskColumn]) -> list[str]:
    """How to read the table: the intervals and their blocks, n, chance, compression and cost."""
    notes = []
    tasks = {c.task: [r.tasks[c.task] for r in results.rows if c.task in r.tasks] for c in columns}
    measured = {name: found for name, found in tasks.items() if found}
    if measured:
        confidence = sorted({f"{t.confidence:g}" for found in measured.values() for t in found})
        over = "; ".join(
            f"{b} for {listed(task_name(n) for n, f in measured.items() if f[0].drawn == b)}"
            for b in sorted({t.drawn for found in measured.values() for t in found})
        )
        notes.append(
            f"Brackets: {'/'.join(confidence)} % intervals, bootstrapped over {over}; "
            "widened by Student's t, as it takes with few of them."
        )
        notes.append("n: " + "; ".join(_n(results, name, found) for name, found in measured.items()) + ".")
        none = [task_name(n) for n, found in measured.items() if all(t.chance is None for t in found)]
        notes.append(
            "Chance: always the most frequent class of training" + (f"; {listed(none)} has none." if none else ".")
        )
    notes += [*_kinds(results), _compared(results)]
    how = sorted({row.cost.how for row in results.rows if row.cost})
    if how:
        notes.append(f"RTF (processing time over audio time), latency and peak memory: measured on {'; '.join(how)}.")
    return notes


def _kinds(results: Results) -> list[str]:
    """What the rows that are no frozen models are, and what beam search gave beside the greedy figures."""
    notes = []
    if any(row.kind == "random" and row.of for row in results.rows):
        notes.append("Random: a network of the model's shape that was never trained, under the same probes.")
    if results.tuned:
        notes.append(
            "Fine-tuned: trained on the task together with the head, with its own dropout, without masking (its "
            "convolutions, too, only where freeze_convolutions is false); all other rows are frozen."
        )
        notes += tuned_otherwise(results)
    beams = {t.decoding for row in results.rows for t in row.tasks.values() if any(o.endswith(BEAM) for o in t.others)}
    if beams:
        how = "; ".join(sorted(beams - {""})) or "settings not said"
        notes.append(f"CER and WER are of greedy decoding; those by beam search ({how}) stand among all figures below.")
    return notes


def _compared(results: Results) -> str:
    """What compression is held against, and what a row without it or below 0 means."""
    against = reference(results)
    if against is None or against.parameters is None:
        return f"{ABSENT} under Compression: no row has parameters."
    trained = against.name in {training.name for training in results.trainings}
    which = "network trained here" if trained else "row: no row is of a network trained here"
    said = f"Compression: parameters saved against {against.title}, the largest {which}. "
    said += f"{ABSENT}: it has no parameters, or they are not known."
    larger = [row.title for row in results.rows if (row.parameters or 0) > against.parameters]
    return f"{said} Below 0: {listed(larger)} has more." if larger else said


def _n(results: Results, name: str, found: Sequence[Task]) -> str:
    name = task_name(name)
    if len({(t.n, t.unit_of_n) for t in found}) == 1:
        return f"{name} {found[0].n:,} {found[0].unit_of_n}"
    by_row = [(row.title, task) for row in results.rows for task in row.tasks.values() if task in found]
    return f"{name} " + ", ".join(f"{task.n:,} {task.unit_of_n} ({title})" for title, task in by_row)


def _missing(results: Results, rows: Sequence[tuple[str, Row | None]], columns: Sequence[TaskColumn]) -> list[str]:
    """A sentence for every row, task and cost that is absent."""
    notes = []
    if not results.rows:
        notes.append(f"{ABSENT}: no probe folder is among the inputs, so no row has figures: run tasks.fit.")
    absent = [title for title, row in rows if row is None]
    if absent and results.rows:
        notes.append(f"{ABSENT}: {listed(absent)} has no row in the probe folder: it was not probed.")
    present = [row for _, row in rows if row]
    for column in columns if present else ():
        without = [row.title for row in present if column.of(row) is None]
        if len(without) == len(present):
            notes.append(f"{ABSENT}: {column.title.split(' %')[0]} was measured for no row{_why(results, column)}.")
        elif without:
            notes.append(f"{ABSENT}: {column.title.split(' %')[0]} was not measured for {listed(without)}.")
    uncosted = [row.title for row in present if row.cost is None]
    if uncosted:
        notes.append(f"{ABSENT}: {listed(uncosted)} has no cost.json, so no RTF, latency and peak memory.")
    unmeasured = [r.title for r in present if r.cost and None in (r.cost.rtf, r.cost.latency_ms, r.cost.peak_mb)]
    if unmeasured:
        notes.append(f"{ABSENT}: not every cost was measured for {listed(unmeasured)}.")
    return notes


def _why(results: Results, column: TaskColumn) -> str:
    wanted = LABELS.get(column.task, ())
    if not wanted or not results.sets:
        return ""
    if any(name in data.tables for data in results.sets for name in wanted):
        return ", though the data has labels for it: run tasks.fit"
    return f": no set has {' or '.join(wanted)}, so there are no labels for it"
