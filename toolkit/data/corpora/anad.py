"""ANAD, the Arabic Natural Audio Dataset: one-second units of calls to eight talk shows, judged by 18 listeners.

Where: https://data.mendeley.com/datasets/xm232yxf7t/1. Licence: CC BY-NC-SA 4.0. Tree:
  CORPUS/1sec_segmented_part{1,2,3}/[the same name again/]V<video>_<turn> (<unit>).wav
  CORPUS/ANAD.csv          a column `name` (with a stray character at its end) and a column `Emotion `
  CORPUS/V<video>.wav, CORPUS/caller_Reciever_turns/     whole videos and turns: not read
[?] Without ANAD.csv a folder that is called happy, angry or surprised gives the label of what is in it.
Expected: 1,384 units with a label (there are some more wav files, without one).

Writes OUT/anad_{train,dev,test}: utt2emotion (happiness, anger, surprise), utt2prog (the video), utt2lang ARA, no
text, speakers unknown. A split of our own in which no video is in two sets: units of one video are neighbouring
seconds of one voice, and whole videos were judged, so that a random split, as most published figures have it, tests
on the very speakers and calls that were trained on. With eight videos a set may lack an emotion: the run says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...core.errors import UserError
from ...core.step import Step, main
from ...text.invisible import name_of, strip_invisible
from ..recordings import find_recordings
from .gather import gather
from .own_split import OwnSplitConfig, sets_of, tell
from .segments import CorpusSegment, Drop, Published, report_to
from .sets import write_sets
from .sources import Report, SourceError, corpus_folder, table_rows

EMOTIONS = {
    **dict.fromkeys(("happy", "happiness"), "happiness"),
    **dict.fromkeys(("angry", "anger"), "anger"),
    **dict.fromkeys(("surprised", "surprise"), "surprise"),
}
PUBLISHED = Published(1384)

_UNIT = re.compile(r"(V\d+)_.+", re.IGNORECASE)


def read_labels(path: Path, bad: Report | None = None) -> dict[str, str]:
    """Name of a unit, without .wav -> emotion as the table has it; empty if two rows say different ones.

    Args:
        bad: as table_rows has it.

    Raises SourceError (missing, encoding, malformed row, columns).
    """
    labels: dict[str, str] = {}
    for line, row in table_rows(path, ",", wanted=("name", "emotion"), quotes=True, bad=bad):
        name, emotion = strip_invisible(row["name"]).strip(" \t'\""), name_of(row["emotion"])
        name = re.sub(r"\.wav.?$", "", name, flags=re.IGNORECASE)
        if (first := labels.setdefault(name, emotion)) != emotion:
            message = f"{name} is {emotion} here, and {first or 'two emotions'} above: it has no label"
            error = SourceError("duplicate id", message, f"{path}, line {line}", "leave one of the rows")
            if bad is None:
                raise error
            bad(error)
            labels[name] = ""
    return labels


def label_of(file: str, labels: dict[str, str] | None) -> str:
    """Emotion of a unit, from the table, or without a table from the nearest folder named so; empty if unknown."""
    emotion = labels.get(Path(file).stem, "") if labels is not None else ""
    if labels is None:
        emotion = next((f for f in reversed(PurePosixPath(file).parts[:-1]) if f.casefold() in EMOTIONS), "")
    return EMOTIONS.get(emotion.casefold(), "")


def run(step: Step[OwnSplitConfig]) -> None:
    corpus = corpus_folder(step.input(0, "the folder of the extracted corpus"), "1sec_segmented*", "**/V[0-9]*_*.wav")
    table = corpus / "ANAD.csv"
    labels = read_labels(table, report_to(step)) if table.is_file() else None
    scan = find_recordings(corpus, step.out)
    for path, reason, detail in scan.bad:
        step.ledger.drop(path, reason, detail)
    units: dict[str, str] = {}
    for file in scan.recordings:
        if not _UNIT.fullmatch(Path(file).stem) or "caller_reciever_turns" in file.casefold():
            continue  # a whole video or turn: its units are here
        if label_of(file, labels):
            units[file] = label_of(file, labels)
        else:
            why = "in no row of ANAD.csv, or with another emotion"
            why = why if labels is not None else "no ANAD.csv, no folder of an emotion"
            step.ledger.drop(file, "no label", why)
    for name in sorted((labels or {}).keys() - {Path(file).stem for file in scan.recordings}):
        step.ledger.drop(name, "missing", "a row of ANAD.csv without its recording")
    if not units:
        remedy = "ANAD.csv belongs beside the folders of units"
        if labels:
            named = ", ".join(f"{name} {emotion}" for name, emotion in list(labels.items())[:2])
            files = ", ".join(Path(file).stem for file in list(scan.recordings)[:2]) or "none"
            remedy = f"ANAD.csv has rows such as {named}; recordings are called {files}; emotions {', '.join(EMOTIONS)}"
        raise UserError("no unit with a label", str(corpus), remedy)
    videos = {file: match[1] for file in units if (match := _UNIT.fullmatch(Path(file).stem))}
    sets = sets_of("anad", videos, scan.recordings, step.config)

    def read(file: str) -> Iterator[CorpusSegment | Drop]:
        video = videos[file]
        yield CorpusSegment(sets[video], Path(file).stem, file, programme=video, dialect="ARA", emotion=units[file])

    segments = gather(step, corpus, list(units), [scan.recordings[f] / 1e6 for f in units], read, "MB")
    write_sets(step, corpus, segments)
    tell(step, "anad", segments, PUBLISHED, "programme")


if __name__ == "__main__":
    main(run)
