"""Items of an audio LLM: what data.instruct writes, and hearing, training, answering and scoring read.

OUT/<part>/items.arrow is a table with a row for each item, in the order of (task, id); OUT/tasks.json says what the
tasks are. Tables are memory-mapped. The column of channels is there if an item has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import UserError
from ..core.files import atomic
from ..core.schema import read
from .kaldi import Utterance

ITEMS, TASKS, CHANNEL = "items.arrow", "tasks.json", "channel"
COLUMNS = (
    "id",
    "task",
    "audio",
    "path",
    "start",
    "end",
    "seconds",
    "speaker",
    "text",
    "instruction",
    "answer",
    "label",
)
NUMBERS = ("start", "end", "seconds")


class Item(NamedTuple):
    """A question and its answer.

    Attributes:
        id: the utterance; with `task` it names the item.
        audio: key of its audio among all parts; "" for an item without audio.
        path, start, end, seconds, channel: the audio, as kaldi.Utterance has them; end -1: to the end.
        text: what is read in the place of audio; "" if it is heard.
        label: value of the table, for an answer that is a label; "" otherwise.
    """

    id: str
    task: str
    audio: str
    path: str
    start: float
    end: float
    seconds: float
    speaker: str
    text: str
    instruction: str
    answer: str
    label: str
    channel: str = ""

    @property
    def key(self) -> str:
        return f"{self.task}/{self.id}"

    @property
    def clip(self) -> Utterance:
        """Its audio, as an utterance called by the audio's key."""
        end = None if self.end < 0 else self.end
        return Utterance(self.audio, self.path, self.start, end, self.speaker, self.seconds, self.channel, ITEMS)


@dataclass(frozen=True)
class ItemTask:
    """A task as its items have it.

    Attributes:
        answer: "transcript", "report" or "label".
        labels: label -> its names, the first of which is the answer.
        counts: part -> number of its items.
    """

    name: str
    title: str
    answer: str
    max_new_tokens: int
    instructions: tuple[str, ...]
    heard: bool
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ItemTasks:
    """The tasks of a folder of items, in the order of its config."""

    tasks: tuple[ItemTask, ...]

    def __getitem__(self, name: str) -> ItemTask:
        return next(task for task in self.tasks if task.name == name)


class ItemTable:
    """The items of one part, one after the other.

    Attributes:
        name: of the part.
        tasks: those of the folder.
    """

    def __init__(self, folder: Path, tasks: ItemTasks) -> None:
        import pyarrow as pa

        self.folder, self.name, self.tasks = folder, folder.name, tasks
        try:
            with pa.memory_map(str(folder / ITEMS)) as source:
                self.table = pa.ipc.open_file(source).read_all()
        except (OSError, pa.ArrowInvalid) as e:
            reason = " ".join(str(e).split())[:200]
            raise UserError(f"no table of items: {reason}", str(folder / ITEMS), "make it again with --fresh") from None
        if tuple(self.table.column_names) not in (COLUMNS, (*COLUMNS, CHANNEL)):
            raise UserError("a table of items with other columns", str(folder / ITEMS), "make it again with --fresh")

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[Item]:
        for batch in self.table.to_batches(max_chunksize=10_000):
            yield from (Item(*row) for row in zip(*(column.to_pylist() for column in batch.columns)))

    def column(self, name: str) -> list[Any]:
        """All values of a column."""
        values: list[Any] = self.table.column(name).to_pylist()
        return values


def write_items(folder: Path, items: Sequence[Item]) -> None:
    """Write the table of a part, completely or not at all."""
    import pyarrow as pa

    names = (*COLUMNS, CHANNEL) if any(item.channel for item in items) else COLUMNS
    schema = pa.schema([(name, pa.float64() if name in NUMBERS else pa.string()) for name in names])
    columns = list(zip(*items)) if items else [()] * len(names)
    arrays = [pa.array(column, type=schema.field(name).type) for name, column in zip(names, columns)]
    table = pa.Table.from_arrays(arrays, schema=schema)
    with (
        atomic(folder / ITEMS) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        writer.write_table(table, max_chunksize=10_000)


def read_tasks(folder: Path) -> ItemTasks:
    """Raises UserError if the file is missing or damaged."""
    return read(ItemTasks, folder / TASKS, _damaged)


def read_part(folder: Path) -> ItemTable:
    """The items of a part, e.g. dump/items/train. Raises UserError if it is none."""
    if not (folder / ITEMS).is_file():
        raise UserError("no items here", str(folder), "name a part that data.instruct has made, e.g. dump/items/train")
    return ItemTable(folder, read_tasks(folder.parent))


def parts_of(folder: Path) -> list[Path]:
    """The parts of a folder of items, or the folder itself if it is a part. Raises UserError if there is none."""
    if (folder / ITEMS).is_file():
        return [folder]
    parts = sorted(path.parent for path in folder.glob(f"*/{ITEMS}"))
    if not parts:
        raise UserError("no items here", str(folder), "name a folder that data.instruct has made")
    return parts


def is_items(path: Path) -> bool:
    """True for a folder of items, or a part of one."""
    return (path / ITEMS).is_file() or (path / TASKS).is_file()


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"a damaged table of tasks: {why}", str(path), "make it again: --fresh of its stage")
