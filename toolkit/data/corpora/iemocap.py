"""IEMOCAP: 12 h of dialogues of ten actors, five sessions of a woman and a man: SUPERB's emotion recognition.

Where: https://sail.usc.edu/iemocap (its licence, by request). Tree (CORPUS has the sessions, or IEMOCAP_full_release/
or IEMOCAP/ with them):
  CORPUS/Session{1..5}/sentences/wav/<dialog>/<dialog>_<F|M><turn>.wav          16 kHz; dialogs: Ses01F_impro01, ...
  CORPUS/Session{1..5}/dialog/EmoEvaluation/<dialog>.txt     `[start - end]  utterance  emotion  [v, a, d]`, tabs
  CORPUS/Session{1..5}/dialog/transcriptions/<dialog>.txt    `utterance [start-end]: text`; not needed
Expected: of 10,039 turns 5,531 in the benchmark's classes: neutral 1,708, happy 1,636 (excited ones with them),
sad 1,084, angry 1,103; 10 speakers. Turns of another emotion, or on which the judges did not agree, are left out.

Writes OUT/iemocap, one set: utt2emotion (neutral, happy, angry, sad), utt2session (Session1, ...), by which a task
leaves one session out, utt2prog (the dialog), spk2gender, utt2lang ENG, and text if the transcriptions are there.
The speaker is the session and the letter of the turn: Ses01M for Ses01F_impro01_M012. (The reference's files name the
actor of the dialog instead, Ses01F; it does not use them.)
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...core.errors import UserError
from ...core.step import Step, main
from ...text.invisible import excerpt, name_of
from ..malformed import MALFORMED
from ..pace import Stated
from .gather import gather
from .repeats import Statement, settled
from .segments import CorpusConfig, CorpusSegment, Drop, Published
from .sets import write_sets
from .sources import SourceError, check_inside, corpus_folder, text_lines

CLASSES = {"neu": "neutral", "hap": "happy", "exc": "happy", "ang": "angry", "sad": "sad"}
ABOVE = ("", "IEMOCAP_full_release", "IEMOCAP")
WAVES, RATINGS, TEXTS = "sentences/wav", "dialog/EmoEvaluation", "dialog/transcriptions"
ANOTHER = "another emotion"
PUBLISHED = Published(5531, speakers=10)

_RATED = re.compile(r"\[[^\]]*\]\t(\S+)\t(\S+)\t\[[^\]]*\]\s*$")
_TIMES = re.compile(r"(?=\[[^\]]*\]\t(\S+)\t)\[([^\]]*)\]")  # of the turn that comes after them
_SPOKEN = re.compile(r"(\S+) \[[^\]]*\]:(.*)")
_TURN = re.compile(r"(Ses\d\d)[FM]_\w+_([FM])\w+")

Lines = dict[str, str]  # turn -> emotion, or text


class Dialog(NamedTuple):
    """A dialog: the folder of its session, its name."""

    session: Path
    name: str


def find_corpus(path: Path) -> Path:
    """The folder of the sessions: `path`, or that of the release in it. Raises UserError."""
    corpus_folder(path, *(f"{above}/Session[1-5]".lstrip("/") for above in ABOVE))
    return next(path / above for above in ABOVE if any((path / above).glob("Session[1-5]")))


def read_lines(corpus: Path, path: Path, pattern: re.Pattern[str], follow_links: bool) -> tuple[Lines, list[Drop]]:
    """(turn -> what a file of a dialog says of it, lines that cannot be used). A missing file counts as such a line."""
    rows: list[Statement[tuple[str, str]]] = []
    bad: list[Drop] = []
    try:
        check_inside(corpus, path.relative_to(corpus).as_posix(), follow_links)
        for number, line in text_lines(path, lambda e: bad.append(Drop(e.where, e.reason, e.what))):
            if match := pattern.match(line):
                value = match[2].strip()
                rows.append(Statement(f"{path.name}:{number}", match[1], value, (match[1], value)))
            elif pattern is _RATED and line.startswith("["):
                detail = f"{path.name}, line {number}: not `[start - end] turn emotion [v, a, d]`: {excerpt(line)}"
                bad.append(Drop(f"{path.name}:{number}", MALFORMED, detail))
    except SourceError as e:
        bad.append(Drop(e.where, e.reason, e.what))
    meaning = "emotion" if pattern is _RATED else "text"
    values = settled(rows, meaning, lambda *lost: bad.append(Drop(*lost)), "duplicate id")
    return dict(values), bad


def read_dialog(corpus: Path, dialog: Dialog, transcribed: bool, follow_links: bool) -> Iterator[CorpusSegment | Drop]:
    """Turns of a dialog: utterances of the four classes, and the rest.

    Args:
        transcribed: the corpus has transcriptions.
    """
    session, folder = dialog.session, dialog.session / WAVES / dialog.name
    emotions, bad = read_lines(corpus, session / RATINGS / f"{dialog.name}.txt", _RATED, follow_links)
    yield from bad
    times, _ = read_lines(corpus, session / RATINGS / f"{dialog.name}.txt", _TIMES, follow_links)
    texts: Lines = {}
    if transcribed:
        texts, bad = read_lines(corpus, session / TEXTS / f"{dialog.name}.txt", _SPOKEN, follow_links)
        yield from bad
    rel = folder.relative_to(corpus).as_posix()
    recorded = {path.stem for path in folder.glob("[!.]*.wav")}
    for id in sorted(recorded | emotions.keys()):
        turn, emotion = _TURN.fullmatch(id), name_of(emotions.get(id, ""))
        if id not in recorded:
            yield Drop(id, "missing", "a turn that was judged, without its recording")
        elif not turn:
            yield Drop(id, "bad name", "not <session><F|M>_<dialog>_<F|M><turn>")
        elif emotion not in CLASSES:
            unlabelled = Drop(id, "no label", "in no line of EmoEvaluation that can be used")
            yield Drop(id, ANOTHER, emotion) if emotion else unlabelled
        else:
            yield CorpusSegment(
                "iemocap",
                id,
                f"{rel}/{id}.wav",
                f"{turn[1]}{turn[2]}",
                text=texts.get(id, "") if transcribed else None,
                programme=dialog.name,
                dialect="ENG",
                gender=turn[2],
                emotion=CLASSES[emotion],
                more={"utt2session": session.name},
                stated=length_of(times.get(id, "")),
            )


def length_of(times: str) -> tuple[Stated, ...]:
    """The length of a turn whose times are `start - end`, seconds; none if they are no numbers."""
    start, _, end = times.partition(" - ")
    try:
        seconds = float(end) - float(start)
    except ValueError:
        return ()
    return (Stated("[start - end]", times, seconds),) if 0 < seconds < math.inf else ()


def find_dialogs(corpus: Path) -> list[Dialog]:
    """Every dialog that has recordings or judgements."""
    waves = [Dialog(f.parents[2], f.name) for f in corpus.glob(f"Session[1-5]/{WAVES}/[!.]*") if f.is_dir()]
    rated = [Dialog(f.parents[2], f.stem) for f in corpus.glob(f"Session[1-5]/{RATINGS}/[!.]*.txt")]
    return sorted({*waves, *rated})


def run(step: Step[CorpusConfig]) -> None:
    corpus = find_corpus(step.input(0, "the folder of Session1 to Session5"))
    dialogs = find_dialogs(corpus)
    if not dialogs:
        raise UserError("no dialog in it", f"{corpus}/Session1/{WAVES}", "extract the whole release")
    transcribed = any(corpus.glob(f"Session[1-5]/{TEXTS}/*.txt"))
    follow = step.config.take.follow_links
    segments = gather(
        step, corpus, dialogs, [1.0] * len(dialogs), lambda f: read_dialog(corpus, f, transcribed, follow), "dialogs"
    )
    others = Counter(row[3] for row in step.ledger.rows if row[2] == ANOTHER)
    for name, count in sorted(others.items()):
        step.counts[f"another_emotion_{name}"] = count
    print(f"{ANOTHER}: {', '.join(f'{count:,} {name}' for name, count in others.most_common()) or 'none'}")
    write_sets(step, corpus, segments, {"iemocap": PUBLISHED})


if __name__ == "__main__":
    main(run)
