"""Lines of phone tables as tools write them: all that are read anywhere are read everywhere, and none is lost."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from phone_tables import PHONES, SIL, Spans, write_corpus, write_phones

from toolkit.core.errors import UserError
from toolkit.core.record import read_ledger
from toolkit.data.checks import inspect
from toolkit.data.kaldi import DataDir, copy_phones
from toolkit.data.repair import repair
from toolkit.data.tables import Problem
from toolkit.units.phones import phones_of

UTTERANCES = 12
DIFFERENTLY = {
    "with a byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "with tabs": lambda text: text.replace(" ", "\t").encode(),
    "of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "with a comment": lambda text: b";; CTM of an aligner\n" + text.encode(),
    "with confidences": lambda text: text.replace("\n", " 0.98\n").encode(),
    "with confidences of no value": lambda text: text.replace("\n", " NA\n").encode(),
    "with invisible marks": lambda text: text.replace(PHONES[0], PHONES[0] + "\u200f").encode(),
}


def corpus(tmp_path: Path, spans: dict[str, Spans] | None = None) -> Path:
    folder = write_corpus(tmp_path / "d", utterances=UTTERANCES)
    if spans is not None:
        write_phones(folder, spans)
    return folder


def problems(folder: Path) -> list[Problem]:
    return [p for p in inspect(folder, looks=0).problems if p.file == "phones.ctm"]


@pytest.mark.parametrize("way", DIFFERENTLY)
def test_a_table_that_is_written_in_another_way_is_the_same_to_readers_and_in_copies(tmp_path: Path, way: str) -> None:
    folder = corpus(tmp_path)
    spans, _ = phones_of(data := DataDir.read(folder))
    path = folder / "phones.ctm"
    path.write_bytes(DIFFERENTLY[way](path.read_text(encoding="utf-8")))
    assert phones_of(data) == (spans, []) and not problems(folder)
    copy = write_corpus(tmp_path / "copy", utterances=UTTERANCES)
    copy_phones([data.origin], copy, spans)
    assert phones_of(DataDir.read(copy)) == (spans, [])


@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_table_in_utf_16_is_one_error_that_names_it_and_no_copy_lacks_it_silently(tmp_path: Path, code: str) -> None:
    folder = corpus(tmp_path)
    path = folder / "phones.ctm"
    path.write_bytes(path.read_text(encoding="utf-8").encode(code))
    (problem,) = problems(folder)
    assert (problem.level, problem.reason) == ("error", "encoding") and "in UTF-16" in problem.message
    assert problem.remedy.startswith("convert it: iconv -f UTF-16")
    for read in (phones_of, lambda data: copy_phones([data.origin], tmp_path, {u.id for u in data})):
        with pytest.raises(UserError, match="a file in UTF-16"):
            read(DataDir.read(folder))


@pytest.mark.parametrize(
    "line", ["متكلم-00 1 0 0.1 ب 7", "متكلم-00 1 0 0.1 ب 0.9 x", "متكلم-00 1 0 0.1", "متكلم-00 0 0.1 ب"]
)
def test_a_line_of_too_many_or_too_few_fields_is_an_error_in_copies_too(tmp_path: Path, line: str) -> None:
    folder = corpus(tmp_path)
    with open(folder / "phones.ctm", "a", encoding="utf-8") as f:
        f.write(f"{line}\n")
    (problem,) = problems(folder)
    assert (problem.level, problem.reason) == ("error", "columns") and line in problem.message
    with pytest.raises(UserError, match="not `utterance 1 start duration phone`"):
        copy_phones([(folder, {})], tmp_path, {"متكلم-00"})


def test_decimal_commas_are_one_error_with_their_number_and_so_are_starts_below_0(tmp_path: Path) -> None:
    folder = corpus(tmp_path)
    path = folder / "phones.ctm"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(".", ","), encoding="utf-8")
    told = [p for p in problems(folder) if p.reason != "lacking"]
    assert [(p.level, p.reason, p.line) for p in told] == [("error", "decimal comma", 1)]
    count = whole.count("\n")
    assert told[0].message.startswith(f"{count:,} lines of {UTTERANCES} utterances have a decimal comma")
    with pytest.raises(UserError, match="a decimal comma"):
        phones_of(DataDir.read(folder))
    rows = [line.split() for line in whole.splitlines()]
    early = [" ".join([id, one, f"{float(start) - 0.5:.3f}", *rest]) for id, one, start, *rest in rows]
    path.write_text("\n".join(early) + "\n", encoding="utf-8")
    (problem,) = [p for p in problems(folder) if p.reason == "start below 0"]
    count = sum(float(row[2]) < 0.5 for row in rows)
    assert problem.message.startswith(
        f"{count} lines of {UTTERANCES} utterances have a start below 0, the earliest -0.50 s"
    )


def test_lines_of_no_utterance_are_told_by_readers_and_by_validate(tmp_path: Path) -> None:
    """As of a table whose ids have the ending of the recordings' names for half of the utterances."""
    ids = [f"متكلم-{i:02}" + ".wav" * (i % 2) for i in range(UTTERANCES)]
    folder = corpus(tmp_path, {id: [(0.0, 1.0, SIL), (1.0, 0.5, PHONES[0])] for id in ids})
    doubts = phones_of(DataDir.read(folder))[1]
    assert any(d.startswith("12 lines are of 6 ids that are no utterance here") and ids[1] in d for d in doubts)
    assert sorted(p.id for p in problems(folder) if p.reason == "extra") == ids[1::2]


def test_every_line_that_a_repair_takes_out_of_the_phones_has_a_row(sound: Path, tmp_path: Path) -> None:
    lines = (sound / "phones.ctm").read_text(encoding="utf-8")
    more = "s2-r-a.wav 1 0 .5 ا\ns2-r-a.wav 1 .5 .5 ب\ns2-r-a 1 0\n"
    (sound / "phones.ctm").write_text(f"\ufeff{lines}{more}", encoding="utf-8")
    repair(sound, tmp_path / "out")
    rows = {id: detail for id, _, _, detail in read_ledger(tmp_path / "out/dropped.tsv")}
    last = lines.count("\n") + 3
    assert rows.pop(f"phones.ctm:{last}").endswith("not `utterance 1 start duration phone`: s2-r-a 1 0")
    assert rows == {"s2-r-a.wav": "2 lines in phones.ctm, and none in segments"}
    assert (tmp_path / "out/phones.ctm").read_text(encoding="utf-8") == "".join(sorted(lines.splitlines(True)))
