"""Fluent Speech Commands: 30,043 spoken commands to a smart home, 97 speakers: SUPERB's intent classification.

Where: https://fluent.ai/fluent-speech-commands-a-dataset-for-spoken-language-understanding-research (its licence, for
academic research). Tree (CORPUS has data/, or fluent_speech_commands_dataset/ with it):
  CORPUS/data/{train,valid,test}_data.csv       number, path, speakerId, transcription, action, object, location
  CORPUS/wavs/speakers/<speaker>/<utterance>.wav     16 kHz
Expected: PUBLISHED; no speaker is in two sets.

Writes OUT/fluent_{train,dev,test}: text in lower case, utt2intent, three words `action object location` (a blank
inside one of them becomes `_`), utt2lang ENG.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...core.step import Step, main
from .gather import gather
from .repeats import Statement, settled
from .segments import CorpusConfig, CorpusSegment, Drop, Published, drop, report_to
from .sets import write_sets
from .sources import TableRow, corpus_folder, table_rows

ARCHIVE = "fluent_speech_commands_dataset"
PARTS = {"train": "train", "dev": "valid", "test": "test"}  # set -> name of its table
SLOTS = ("action", "object", "location")
COLUMNS = ("path", "speakerid", "transcription", *SLOTS)
PUBLISHED = {
    "fluent_train": Published(23132, speakers=77),
    "fluent_dev": Published(3118, speakers=10),
    "fluent_test": Published(3793, speakers=10),
}

Item = tuple[str, TableRow]  # set, row of its table


def find_corpus(path: Path) -> Path:
    """The folder of data/ and wavs/: `path`, or that of the archive in it. Raises UserError."""
    corpus_folder(path, "data/*_data.csv", f"{ARCHIVE}/data/*_data.csv")
    return path if any(path.glob("data/*_data.csv")) else path / ARCHIVE


def read_tables(step: Step[CorpusConfig], corpus: Path) -> list[Item]:
    """Rows of the three tables; those that cannot be used go to the ledger.

    Raises SourceError (missing, encoding, columns) for a table without the columns.
    """
    items: list[Statement[Item]] = []
    for part, name in reversed(PARTS.items()):  # test first: what two parts have stays in test
        file = corpus / "data" / f"{name}_data.csv"
        rows = table_rows(file, ",", wanted=COLUMNS, quotes=True, bad=report_to(step, f"fluent_{part}"))
        for number, row in rows:
            where = f"{file.name}:{number}"
            path = row["path"].strip()
            if not path.endswith(".wav"):
                drop(step, where, "columns", f"{path!r} is no path of a recording", f"fluent_{part}")
            else:
                content = tuple(row[column].strip() for column in COLUMNS if column != "path")
                items.append(Statement(where, path, content, (f"fluent_{part}", {**row, "path": path})))
    return settled(items, "speaker, transcript or intent", lambda *lost: drop(step, *lost), "duplicate id")


def read_row(item: Item) -> Iterator[CorpusSegment | Drop]:
    """The utterance of a row."""
    set, row = item
    id = row["path"].removeprefix("wavs/speakers/").removesuffix(".wav")
    intent = ["_".join(row[slot].split()) for slot in SLOTS]
    if not all(intent):
        lacking = ", ".join(s for s, value in zip(SLOTS, intent, strict=True) if not value)
        yield Drop(id, "no label", f"without {lacking}", set)
        return
    yield CorpusSegment(
        set,
        id,
        row["path"],
        row["speakerid"].strip(),
        text=row["transcription"].lower(),
        dialect="ENG",
        more={"utt2intent": " ".join(intent)},
    )


def run(step: Step[CorpusConfig]) -> None:
    corpus = find_corpus(step.input(0, "the folder of data and wavs"))
    items = read_tables(step, corpus)
    segments = gather(step, corpus, items, [1.0] * len(items), read_row, "recordings")
    write_sets(step, corpus, segments, PUBLISHED)


if __name__ == "__main__":
    main(run)
