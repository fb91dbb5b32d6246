"""From a corpus's utterances to validated data directories: ids, tables, counts against the published ones.

A corpus module yields its utterances (`CorpusSegment`) and those that it leaves out (`Drop`). The rest is the same for
all corpora:

    corpus = corpus_folder(step.input(0, "the extracted corpus"), "train/xml/utf8")
    segments = gather(step, corpus, files, sizes, read)      # read(file) -> CorpusSegments and Drops
    write_sets(step, corpus, segments, PUBLISHED)
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from ...core.step import Step
from ...text.invisible import name_of
from ...text.not_known import known_name, transcript_of
from ..channels import SIDE_OF
from ..checks import write_valid
from ..ids import alike, fault, odd_labels, safe, safe_speaker, unique
from ..kaldi import UNKNOWN
from ..tables import CHANNELS, PARTIAL, TEXT, odd_genders, one_gender, one_line, two_genders
from .gather import path_of
from .lost_sets import counted, nothing_left, refuse_lost
from .segments import CorpusSegment, Published, drop


def write_sets(
    step: Step[Any],
    corpus: Path,
    segments: Sequence[CorpusSegment],
    published: Mapping[str, Published] | None = None,
    also: Sequence[Path] = (),
) -> None:
    """Write a data directory for each set below step.out, with its counts against the published ones.

    Args:
        also: as given to gather.

    Raises UserError if no utterance can be used, or none of a set of which a table has rows.
    """
    named = with_ids(step, segments)
    if not named:
        raise nothing_left(step, corpus, "no utterance in it")
    refuse_lost({s.set for s in named.values()}, step, corpus)
    for meaning in ("dialect", "emotion"):
        for line in odd_labels({getattr(s, meaning) for s in segments}):
            print(f"WARNING: {meaning}: {line}")
    sets: dict[str, dict[str, CorpusSegment]] = {}
    for id in sorted(named):  # sorting again when tables are written costs nothing
        sets.setdefault(named[id].set, {})[id] = named[id]
    for name in sorted(sets):
        write_valid(step.out / name, tables_of(corpus, step.out, sets[name], also))
        _count(step, name, sets[name], (published or {}).get(name))
    for name in sorted((set(published or {}) | step.ledger.of_sets.keys()) - set(sets)):
        lost = step.ledger.of_sets.get(name, [])
        rows = f"{len(set(lost)):,} rows were read, none is left: {counted(lost)}" if lost else "nothing of it is here"
        print(f"WARNING: {name}: {rows}")
    for reason, count in Counter(row[2] for row in step.ledger.rows).most_common():
        print(f"dropped {count:,}: {reason}")
    step.counts["hours"] = round(math.fsum(s.seconds for s in named.values()) / 3600, 4)


def tell_recurring(segments: Iterable[CorpusSegment]) -> None:
    """Warn of programmes in two sets: a model may then know voices and words of its test set."""
    programmes: dict[str, set[str]] = {}
    for s in segments:
        if s.programme:
            programmes.setdefault(s.set, set()).add(s.programme)
    for first, second in combinations(sorted(programmes), 2):
        if shared := programmes[first] & programmes[second]:
            recurring = f"{len(shared):,} of the {len(programmes[first]):,} programmes of {first}"
            print(f"WARNING: {recurring} are in {second} too, such as {min(shared)}")


def with_ids(step: Step[Any], segments: Sequence[CorpusSegment]) -> dict[str, CorpusSegment]:
    """Id -> utterance; sets `speaker` to the speaker's id. Repeated and unusable ids go to the ledger.

    An original id in several sets gets the set's name in front. Names and labels lose what nobody sees, see `name_of`;
    transcripts do not, nor do original ids: ids made of them have none of it.
    """
    for s in segments:
        _strip_names(s)
    for line in alike(s.speaker for s in segments):
        print(f"WARNING: speaker: {line}")
    for line in two_genders((s.speaker, s.gender) for s in segments if s.speaker):
        print(f"WARNING: gender: {line}")
    for line in odd_genders(s.gender for s in segments):
        print(f"gender: {line}")
    speakers = unique(sorted({s.speaker for s in segments if s.speaker and not s.id}), safe_speaker, "_")
    step.counts["speakers_unknown"] = sum(not s.speaker for s in segments)
    sets: dict[str, set[str]] = {}
    for s in segments:
        if not s.id:
            sets.setdefault(s.original, set()).add(s.set)
    originals = unique(original for original, within in sets.items() if len(within) == 1)
    nobodys = {s.original for s in segments if not s.speaker and not s.id} & originals.keys()
    alone = unique(nobodys, lambda original: safe_speaker(originals[original]), "_")
    ids: dict[str, CorpusSegment] = {}
    for s in segments:
        if s.id:
            id, speaker = s.id, s.speaker or s.id
        else:
            own = originals.get(s.original) or safe(f"{s.set}-{s.original}")
            speaker = speakers[s.speaker] if s.speaker else alone.get(s.original) or safe_speaker(own)
            name = own.removeprefix(f"{speaker}-").removeprefix(f"{speaker}_")
            id = f"{speaker}-{name}" if s.speaker or s.side else speaker
        if not one_line(s.original):
            drop(step, s.original, "id", "an id of control characters alone", s.set)
        elif odd := fault(id) or fault(speaker):
            drop(step, s.original, "id", f"{id!r} {odd}", s.set)
        elif id in ids:
            drop(step, s.original, "duplicate id", f"{id} is {ids[id].original} of {ids[id].set} already", s.set)
        else:
            s.speaker = sys.intern(speaker)
            ids[id] = s
    return ids


def _strip_names(s: CorpusSegment) -> None:
    """Put names and labels, those of further tables too, into the form in which they are compared.

    They are empty where a word, such as nan, says that they are not known.
    """
    s.speaker, s.programme = known_name(s.speaker), known_name(s.programme)
    s.dialect, s.gender, s.emotion = known_name(s.dialect), known_name(s.gender), known_name(s.emotion)
    if s.more:
        s.more = {table: _of_more(table, v) for table, v in s.more.items()}


def _of_more(table: str, value: str) -> str:
    """The value of a further table: a transcript, one that is kept as it stands, or a name."""
    if TEXT.fullmatch(table):
        return transcript_of(value)
    return value if table in PARTIAL else name_of(value)


def tables_of(
    corpus: Path, out: Path, part: Mapping[str, CorpusSegment], also: Sequence[Path] = ()
) -> dict[str, dict[str, str]]:
    """Tables of a set (id -> utterance). A recording has its utterance's id, or its file's name if it is cut."""
    cut = any(not s.whole for s in part.values())
    keys = {id: f"{s.audio}\0-{s.side}" if s.side else s.audio for id, s in part.items()}
    names = unique(sorted(set(keys.values())), _name_of) if cut else {}
    recording = {id: names[keys[id]] if cut else id for id in part}
    audio_of = {recording[id]: s.audio for id, s in part.items()}
    tables: dict[str, dict[str, str]] = {
        "wav.scp": {rec: path_of(corpus, out, audio, also=also) for rec, audio in audio_of.items()},
        "reco2dur": {recording[id]: f"{s.recording_seconds:.4f}" for id, s in part.items()},
        "utt2spk": {id: s.speaker for id, s in part.items()},
        "utt2dur": {id: f"{s.seconds:.4f}" for id, s in part.items()},
        "utt2orig": {id: one_line(s.original) for id, s in part.items()},
    }
    sides = {recording[id]: (s.audio, SIDE_OF[s.channel]) for id, s in part.items() if s.channel}
    if sides:
        tables[CHANNELS] = {rec: f"{safe(Path(audio).stem)} {side}" for rec, (audio, side) in sides.items()}
    if cut:
        tables["segments"] = {id: f"{recording[id]} {s.start:.4f} {_end(s)}" for id, s in part.items()}
    if any(s.text is not None for s in part.values()):
        tables["text"] = {id: s.text or "" for id, s in part.items()}
    for name, meaning in (("utt2lang", "dialect"), ("utt2emotion", "emotion"), ("utt2prog", "programme")):
        values = {getattr(s, meaning) for s in part.values()}
        if values != {""}:
            labels = {value: safe(value) if value else UNKNOWN for value in values}
            tables[name] = {id: labels[getattr(s, meaning)] for id, s in part.items()}
    for name in sorted({name for s in part.values() for name in s.more}):
        otherwise = "" if TEXT.fullmatch(name) or name in PARTIAL else UNKNOWN
        rows = {id: one_line(s.more.get(name, "")) or otherwise for id, s in part.items()}
        tables[name] = {id: value for id, value in rows.items() if value or name not in PARTIAL}
    if genders := one_gender((s.speaker, s.gender) for s in part.values() if s.gender):
        tables["spk2gender"] = genders
    return tables


def _name_of(key: str) -> str:
    """Id of a recording, which is a path, and the side where both are taken: the file's name, and -A or -B."""
    audio, _, side = key.partition("\0")
    return safe(Path(audio).stem + side)


def _end(s: CorpusSegment) -> str:
    return f"{math.floor(s.recording_seconds * 1e4) / 1e4 if s.end is None else s.end:.4f}"


def _count(step: Step[Any], name: str, part: Mapping[str, CorpusSegment], published: Published | None) -> None:
    """Record and print the counts of a set, and compare them with the published ones."""
    hours = math.fsum(s.seconds for s in part.values()) / 3600
    counts = {
        "utterances": len(part),
        "recordings": len({s.audio for s in part.values()}),
        "speakers": len({s.speaker for s in part.values()}),
        "hours": round(hours, 4),
    }
    step.counts |= {f"{name}_{unit}": n for unit, n in counts.items() if unit != "recordings"}
    print(f"{name}: {counts['utterances']:,} utterances, {hours:.2f} h, {counts['speakers']:,} speakers")
    for unit, wanted in vars(published).items() if published else ():
        if wanted is None:
            continue
        step.counts[f"{name}_{unit}_published"] = wanted
        got = counts[unit]
        if abs(got - wanted) <= (0.01 * wanted if unit == "hours" else 0):
            print(f"{name}: {wanted:,} {unit}, as published")
        else:
            print(f"WARNING: {name}: {got:,} {unit} against {wanted:,} published: {round(got - wanted, 2):+,}")
