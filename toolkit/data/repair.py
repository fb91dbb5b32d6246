"""A repaired copy of a data directory: faults that can be mended are mended, the rest is dropped and recorded."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from ..core.errors import UserError
from ..core.files import write_text
from ..core.record import DROPPED, Ledger
from ..text.not_known import transcript_of
from . import ids
from .audio import OVERSHOOT, PAST_END
from .checks import OF_RECORDINGS, RESERVED_WORDS, recording_lengths
from .decoded import decoded_lengths
from .kaldi import (
    CHANNEL_OF,
    SEGMENTS,
    SIDES,
    SPEAKERS,
    WAV,
    copy_phones,
    parse_segment,
    positive,
    read_tables,
    write_data_dir,
)
from .malformed import MALFORMED
from .names import as_compared, compared, is_of_speakers, with_new_ids
from .phone_checks import drop_strangers
from .provenance import state
from .tables import (
    CHANNELS,
    CONTRADICTION,
    DUPLICATE,
    OF_UTTERANCES,
    PARTIAL,
    TEXT,
    Problem,
    gender_of,
    is_table,
    locate,
    one_line,
)

STAGE = "data.validate"
RENAMED = "renamed.tsv"
TWO_LINES = (DUPLICATE, CONTRADICTION)
_REMADE = ("utt2dur", "reco2dur", "utt2num_frames")  # made again, or left out if they do not cover all

Tables = dict[str, dict[str, str]]


def repair(path: Path, out: Path, allow_pipes: bool = False, audio: bool = False, nj: int = 1) -> str:
    """Write a repaired copy of the data directory to `out`, with dropped.tsv and renamed.tsv; returns a summary.

    Mended: order, line ends, byte order marks, white space and control characters in texts, reserved words, unusable
    ids (renamed everywhere), names (as they are compared), segments a little past the end, spk2utt, utt2dur, reco2dur.
    Dropped: lines that cannot be read, second lines of an id (both, and their utterance, if they contradict), missing
    recordings, segments outside their recording, utterances that a table lacks, and lines without an utterance; with
    `audio`, recordings that do not decode to their ends (`nj`: in so many processes).

    Raises UserError if `out` is a data directory already or nothing would be left.
    """
    if (out / WAV).exists():
        raise UserError("there is a data directory already", str(out), "name another folder with --out")
    if out.is_dir() and (theirs := sorted(p.name for p in out.iterdir() if is_table(p.name))):
        message = f"tables of something else are here, {theirs[0]} for one"
        raise UserError(message, str(out), "name another folder with --out")
    files, problems = read_tables(path, bad_ids=True)
    tables, torn = as_compared(files)
    problems += locate(path, torn)
    ledger = Ledger(STAGE)
    for p in (p for p in problems if p.fatal and p.reason != "id"):
        lost = p.id and p.file in (WAV, SEGMENTS) and p.reason not in TWO_LINES  # else only a line is dropped
        ledger.drop(p.id if lost else f"{p.file}:{p.line}", p.reason, f"{p.file}:{p.line}: {p.message}")
    renamed, speakers = _rename(tables)
    spoilt = _spoilt(tables, problems, renamed)
    _mend_values(tables, ledger)
    if audio:
        lengths, bad = decoded_lengths(tables, allow_pipes, nj)
    else:
        lengths, bad = recording_lengths(tables, len(tables[WAV]))
    errors = [p for p in bad if p.level == "error"]
    gone = {p.id: (p.reason, p.message) for p in errors if p.file != SEGMENTS}
    damaged = {p.id: (p.reason, p.message.removeprefix(f"{p.id}: ")) for p in errors if p.file == SEGMENTS}
    gone |= _sides_unknown(tables, problems, renamed)
    gone |= {rec: reason for rec, reason in spoilt.get(WAV, {}).items() if rec in tables[WAV]}
    if not allow_pipes:
        pipes = [rec for rec, source in tables[WAV].items() if source.endswith("|")]
        gone |= {rec: ("pipe", f"a command in the place of a file: {tables[WAV][rec]}") for rec in pipes}
    before = dict(tables.get(SEGMENTS, {}))
    gone_utterances = damaged | _mend_segments(tables, gone, lengths) if SEGMENTS in tables else gone
    gone_utterances = gone_utterances | spoilt.get(SEGMENTS, {})
    for rec, (reason, detail) in gone.items():
        tables[WAV].pop(rec)
        if SEGMENTS in tables:
            ledger.drop(rec, reason, detail)
    _tell_strangers(tables, {*gone, *gone_utterances}, ledger)
    _cover(tables, gone_utterances, ledger, spoilt)
    if not tables[WAV]:
        raise UserError("nothing would be left", str(path), "mend the cause in the report above by hand")
    _durations(tables, lengths)
    tables = {name: table for name, table in tables.items() if table}
    write_data_dir(out, tables)
    state(out, path)
    kept, place = tables.get(SEGMENTS, tables[WAV]), SEGMENTS if SEGMENTS in tables else WAV
    copy_phones([(path, renamed)], out, kept, ledger)
    drop_strangers(path, kept, renamed, place, ledger)
    ledger.write(out / DROPPED)
    speakers = {name: safe for name, safe in _speakers_renamed(files, speakers).items() if name not in renamed}
    write_text(out / RENAMED, "".join(f"{old}\t{new}\n" for old, new in sorted((renamed | speakers).items())))
    trimmed = [id for id, text in tables.get(SEGMENTS, {}).items() if before.get(id, text) != text]
    commands = 0 if audio else sum(source.endswith("|") for source in tables[WAV].values())
    return _story(out, ledger, renamed | speakers, trimmed, commands)


def _rename(tables: Tables) -> tuple[dict[str, str], dict[str, str]]:
    """Give every unusable id a usable one, in all tables; returns old -> new, of ids and of speakers."""
    new = _usable({key for name, table in tables.items() if not is_of_speakers(name) for key in table})
    speakers = {key for name, table in tables.items() if is_of_speakers(name) for key in table}
    of_speakers = _usable(speakers | set(tables.get(SPEAKERS, {}).values()))
    if new or of_speakers:
        tables.update(with_new_ids(tables, new, of_speakers))
    return new, of_speakers


def _usable(names: set[str]) -> dict[str, str]:
    """Unusable name -> a usable one that no other name has."""
    bad = {name for name in names if ids.fault(name)}
    made = ids.unique(sorted(names), lambda name: ids.safe(name) if name in bad else name) if bad else {}
    return {name: made[name] for name in bad}


def _speakers_renamed(files: Tables, usable: Mapping[str, str]) -> dict[str, str]:
    """Speaker as the files name it -> as the copy does, of those that differ."""
    names = {key for name, table in files.items() if is_of_speakers(name) for key in table}
    forms = {name: compared(name, SPEAKERS) for name in names | set(files.get(SPEAKERS, {}).values())}
    return {name: usable.get(form, form) for name, form in forms.items() if usable.get(form, form) != name}


def _spoilt(
    tables: Tables, problems: Iterable[Problem], renamed: Mapping[str, str]
) -> dict[str, dict[str, tuple[str, str]]]:
    """Table -> id -> (reason, detail) of lines that say nothing for certain.

    The rest of such a line may stand below it, or another line contradicts it. It leaves its table, but wav.scp and
    segments, whose lines go with their utterances.
    """
    spoilt: dict[str, dict[str, tuple[str, str]]] = {}
    for p in problems:
        if p.fatal and p.id and p.reason in (MALFORMED, CONTRADICTION) and p.file in tables:
            id = renamed.get(p.id, p.id)
            spoilt.setdefault(p.file, {})[id] = p.reason, f"{p.file}:{p.line}: {p.message}"
            if p.file not in (WAV, SEGMENTS):
                tables[p.file].pop(id, None)
    return spoilt


def _mend_values(tables: Tables, ledger: Ledger) -> None:
    """Clean the texts; remove invalid genders and durations."""
    for name, table in tables.items():
        if TEXT.fullmatch(name):
            for id, text in table.items():
                clean = transcript_of(one_line(text))
                if "#0" in clean or "s>" in clean:
                    clean = " ".join(word for word in clean.split() if word not in RESERVED_WORDS)
                table[id] = clean
    for speaker, gender in list(tables.get("spk2gender", {}).items()):
        tables["spk2gender"][speaker] = gender_of(gender)
        if not gender_of(gender):
            ledger.drop(speaker, "gender", f"spk2gender: {gender} is no gender")
            del tables["spk2gender"][speaker]
    for name in ("utt2dur", "reco2dur"):
        for id, text in list(tables.get(name, {}).items()):
            try:
                positive(text)
            except ValueError:  # made again below
                del tables[name][id]


def _sides_unknown(
    tables: Tables, problems: Iterable[Problem], renamed: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Recording -> (reason, detail) of those whose line in reco2file_and_channel does not tell a side."""
    lines = [p for p in problems if p.fatal and p.file == CHANNELS and p.reason != DUPLICATE]
    ids = {renamed.get(p.id, p.id): (p.reason, f"{CHANNELS}: {p.message}") for p in lines}
    for rec, value in tables.get(CHANNELS, {}).items():
        if value.split()[-1] not in CHANNEL_OF:
            ids[rec] = "channel", f"{CHANNELS}: {value} names none of {SIDES}"
    return {rec: reason for rec, reason in ids.items() if rec in tables[WAV]}


def _mend_segments(
    tables: Tables, gone: Mapping[str, tuple[str, str]], lengths: Mapping[str, float]
) -> dict[str, tuple[str, str]]:
    """Trim segments a little past the end; returns utterance -> (reason, detail) of those that cannot be used."""
    bad: dict[str, tuple[str, str]] = {}
    for id, text in tables[SEGMENTS].items():
        try:
            rec, start, end = parse_segment(text)
        except ValueError as e:
            bad[id] = ("segment", str(e))
            continue
        seconds = lengths.get(rec, math.inf)
        if rec in gone:
            bad[id] = (gone[rec][0], f"of recording {rec}: {gone[rec][1].removeprefix(f'{rec}: ')}")
        elif rec not in tables[WAV]:
            bad[id] = ("segment", f"recording {rec} is not in {WAV}")
        elif start >= seconds or (end is not None and end > seconds + PAST_END):
            bad[id] = ("past end", f"{text}, of a recording of {seconds:.2f} s")
        elif end is not None and end > seconds + OVERSHOOT:
            trimmed = math.floor(seconds * 1000) / 1000
            if trimmed > start:
                tables[SEGMENTS][id] = f"{rec} {text.split()[1]} {trimmed:.3f}"
            else:
                bad[id] = ("past end", f"{text}, of a recording of {seconds:.4f} s")
    return bad


def _tell_strangers(tables: Tables, gone: Container[str], ledger: Ledger) -> None:
    """A row for every id of which lines are taken out because its utterance, recording or speaker is not there.

    And for recordings without a segment. `gone`: ids that have rows.
    """
    used = {text.split()[0] for text in tables.get(SEGMENTS, {}).values()}
    place = {"utterance": SEGMENTS if SEGMENTS in tables else WAV, "recording": WAV, "speaker": SPEAKERS}
    known = {kind: {*tables.get(name, {})} for kind, name in place.items()}
    known["speaker"] = {*tables.get(SPEAKERS, {}).values()}
    lines: dict[tuple[str, str], list[str]] = {}
    for name, table in tables.items():
        if kind := _kind(name):
            for id in table.keys() - known[kind]:
                lines.setdefault((id, kind), []).append(name)
    have_rows = {row[0] for row in ledger.rows}
    for (id, kind), names in sorted(lines.items()):
        if id not in gone and id not in have_rows:
            reason = "transcript without audio" if any(map(TEXT.fullmatch, names)) else f"line without its {kind}"
            side = f": `{tables[CHANNELS][id]}`" if CHANNELS in names else ""
            ledger.drop(id, reason, f"lines in {', '.join(sorted(names))}{side}, and none in {place[kind]}")
    for rec in tables[WAV] if SEGMENTS in tables else ():
        if rec not in used and rec not in have_rows:
            ledger.drop(rec, "recording without a segment", tables[WAV][rec])


def _kind(name: str) -> str:
    """What the ids of a table are: utterance, recording or speaker; "" of wav.scp, and of a table that stays whole."""
    if OF_UTTERANCES.fullmatch(name):
        return "utterance"
    if OF_RECORDINGS.fullmatch(name):
        return "recording"
    return "speaker" if is_of_speakers(name) else ""


def _cover(
    tables: Tables,
    gone: Mapping[str, tuple[str, str]],
    ledger: Ledger,
    spoilt: Mapping[str, Mapping[str, tuple[str, str]]],
) -> None:
    """Keep the utterances that every table has, but for partial ones, and in every table only those.

    Args:
        spoilt: table -> id -> (reason, detail), of the lines that it has lost.
    """
    place = tables[SEGMENTS] if SEGMENTS in tables else tables[WAV]
    of_utterances = [name for name in tables if OF_UTTERANCES.fullmatch(name)]
    needed = [name for name in of_utterances if name not in _REMADE and name not in PARTIAL]
    kept: dict[str, str] = {}
    for id in {**place, **gone}:
        lacks = next((name for name in needed if id not in tables[name]), "")
        if id in gone:
            ledger.drop(id, *gone[id])
        elif id in spoilt.get(lacks, {}):
            ledger.drop(id, *spoilt[lacks][id])
        elif lacks:
            reason = "audio without transcript" if TEXT.fullmatch(lacks) else f"not in {lacks}"
            ledger.drop(id, reason, f"no line in {lacks}")
        else:
            kept[id] = place[id]
    for name in of_utterances:
        tables[name] = {id: value for id, value in tables[name].items() if id in kept}
    if SEGMENTS in tables:
        tables[SEGMENTS] = kept
        used = {text.split()[0] for text in kept.values()}
        tables[WAV] = {rec: source for rec, source in tables[WAV].items() if rec in used}
    else:
        tables[WAV] = kept
    tables.setdefault(SPEAKERS, {id: id for id in kept})
    speakers = set(tables[SPEAKERS].values())
    for name, table in tables.items():
        if OF_RECORDINGS.fullmatch(name):
            tables[name] = {rec: value for rec, value in table.items() if rec in tables[WAV]}
        if is_of_speakers(name):
            tables[name] = {speaker: value for speaker, value in table.items() if speaker in speakers}


def _durations(tables: Tables, lengths: Mapping[str, float]) -> None:
    """utt2dur and reco2dur of the kept utterances; a table is left out if a length is unknown (pipes)."""
    pieces = tables.get(SEGMENTS)
    tables["reco2dur"] = _kept({rec: lengths.get(rec, math.nan) for rec in tables[WAV]}, tables.get("reco2dur", {}))
    seconds = {rec: lengths.get(rec, math.nan) for rec in tables[WAV]}
    if pieces is not None:
        spans = {id: parse_segment(text) for id, text in pieces.items()}
        seconds = {id: (seconds[rec] if end is None else end) - start for id, (rec, start, end) in spans.items()}
    tables["utt2dur"] = _kept(seconds, tables.get("utt2dur", {}))
    for name in _REMADE:
        if set(tables.get(name, ())) != set(tables[WAV] if name == "reco2dur" or pieces is None else pieces):
            tables.pop(name, None)


def _kept(seconds: Mapping[str, float], stated: Mapping[str, str]) -> dict[str, str]:
    """The stated durations if right, else the true ones; no line for an unknown one."""
    table: dict[str, str] = {}
    for id, true in seconds.items():
        if math.isnan(true):
            table |= {id: stated[id]} if id in stated else {}
        else:
            table[id] = stated[id] if id in stated and abs(positive(stated[id]) - true) <= OVERSHOOT else f"{true:.4f}"
    return table


def _story(out: Path, ledger: Ledger, renamed: Mapping[str, str], trimmed: list[str], commands: int) -> str:
    """Summary of the repair, in words."""
    lines = [f"  dropped {count}: {reason}" for reason, count in ledger.reasons().items()]
    lines += [f"  renamed {len(renamed)} ids, see {out / RENAMED}"] if renamed else []
    lines += [f"  trimmed {len(trimmed)} segments to their recordings: {' '.join(trimmed)}"] if trimmed else []
    if commands:
        lines.append(f"  durations of {commands} recordings stand as they were: commands are not run")
    rows = [f"  {id}: {reason}: {detail}" for id, _, reason, detail in sorted(set(ledger.rows))]
    return "\n".join([f"wrote {out}; every drop is in {out / DROPPED}", *lines, *rows])
