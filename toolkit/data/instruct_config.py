"""Config of the items that an audio LLM is asked: tasks, how each is asked, and how many items of it are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..text.label_names import bare_words

WEIGHTED = 1e-6  # shares may differ from 1 in sum by this much


@dataclass(frozen=True)
class AskConfig:
    """How something is asked, and which answers there are."""

    answer: Literal["transcript", "report", "label"] = "transcript"
    """what is answered: transcript: the words that are spoken; report: a text about them; label: one of `labels`"""
    instructions: tuple[str, ...] = ()
    "ways to ask, in Arabic and English; each item draws one by seed"
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """for label: value of the table -> its names; the first name is the answer, and each is understood when answers are
    read; empty: the values of the training items are their own names"""
    max_new_tokens: int = 64
    "largest number of tokens of an answer; answers that reach it are counted as stopped by length"

    def __post_init__(self) -> None:
        if not self.instructions:
            raise ValueError("instructions: give at least one way to ask")
        if self.labels and self.answer != "label":
            raise ValueError("labels belong to answer: label")
        known: dict[tuple[str, ...], str] = {}
        for label, name in [(key, name) for key, own in self.labels.items() for name in (key, *own)]:
            if known.setdefault(bare_words(name), label) != label:
                raise ValueError(f"labels: {name} is a name of {label} and of {known[bare_words(name)]}, read as words")
        if empty := [label for label, of_label in self.labels.items() if not of_label]:
            raise ValueError(f"labels.{empty[0]}: give it at least one name")
        if self.max_new_tokens < 1:
            raise ValueError("max_new_tokens must be at least 1")


@dataclass(frozen=True)
class DrawConfig:
    """Which items of a task are taken for one part, e.g. train. Items are drawn by seed."""

    count: int = 0
    "largest number of items; 0: all"
    shares: dict[str, float] = field(default_factory=dict)
    "label -> share of `count`; other labels are left out; a label with too few items gives all of them"
    balanced: bool = False
    "true: the same number of items of each label, as far as the rarest has them"

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count must be at least 0")
        if self.shares and (self.balanced or not self.count):
            raise ValueError("shares need a count, and are not balanced")
        if self.shares and (min(self.shares.values()) <= 0 or abs(sum(self.shares.values()) - 1) > WEIGHTED):
            raise ValueError(f"shares must be above 0 and add up to 1, not {sum(self.shares.values()):g}")


@dataclass(frozen=True)
class ItemTaskConfig:
    """One task: a table whose values are answers to a question."""

    ask: str
    "section of `ask` that says how it is asked"
    table: str
    "table of the data directories with its answers, e.g. text, utt2summary, utt2lang, utt2emotion"
    input: Literal["audio", "text"] = "audio"
    "audio: the recording is heard; text: the transcript is read, and nothing is heard"
    title: str = ""
    "what tables call the task; empty: its name"
    sets: tuple[str, ...] = ("*",)
    "data directories that it takes items from: names or patterns"
    draw: dict[str, DrawConfig] = field(default_factory=dict)
    "part -> which items are taken; a part that is not named: all"


@dataclass(frozen=True)
class InstructConfig:
    """Items of all tasks."""

    tasks: dict[str, ItemTaskConfig]
    "name -> task"
    ask: dict[str, AskConfig]
    "name -> how something is asked"
    parts: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"train": ("*train*",), "dev": ("*dev*",), "test": ("*test*",)}
    )
    "part -> data directories whose items it gets: names or patterns; the first of them is what is trained on"
    max_audio_seconds: float = 300.0
    "items with longer audio are left out, each with a row in the ledger, seconds; nothing is ever cut"
    profile: str = ""
    "normalisation of transcripts and reports before they are learnt, a profile of text.normalise; empty: as written"
    absent_labels: Literal["refuse", "leave out"] = "refuse"
    """a label of `ask` that no training item has; refuse: stop with an error, as it may be misspelt; leave out: it is
    no label of this run"""
    seed: int = 1
    "random seed of draws and of instructions"

    def __post_init__(self) -> None:
        if not self.tasks or not self.parts:
            raise ValueError("tasks, parts: name at least one")
        for name, task in self.tasks.items():
            if task.ask not in self.ask:
                raise ValueError(f"tasks.{name}.ask: {task.ask} is no section of ask; there are {', '.join(self.ask)}")
            if unknown := sorted(set(task.draw) - set(self.parts)):
                raise ValueError(f"tasks.{name}.draw.{unknown[0]}: no such part; there are {', '.join(self.parts)}")
        if self.max_audio_seconds <= 0:
            raise ValueError("max_audio_seconds must be above 0")
