"""A repaired copy: what is dropped with which reason, and what is kept beside it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from toolkit.core.errors import UserError
from toolkit.core.record import read_ledger
from toolkit.data.audio import PAST_END
from toolkit.data.checks import inspect
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.data.repair import repair
from toolkit.data.validate import main


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def repaired(folder: Path, out: Path) -> tuple[DataDir, dict[str, str]]:
    """The copy, and id -> reason of what was dropped."""
    repair(folder, out)
    return DataDir.read(out), {id: reason for id, _, reason, _ in read_ledger(out / "dropped.tsv")}


@pytest.mark.parametrize(("past", "kept"), [(PAST_END - 0.1, True), (PAST_END + 0.1, False)])
def test_a_segment_a_little_past_the_end_is_trimmed_and_one_far_past_it_dropped(
    past: float, kept: bool, sound: Path, tmp_path: Path
) -> None:
    change(sound, "segments", "s2-r 0.5 2.5", f"s2-r 0.5 {3 + past:.2f}")
    data, dropped = repaired(sound, tmp_path / "out")
    assert dropped == ({} if kept else {"s2-r-a": "past end"})
    assert [u.end for u in data if u.id == "s2-r-a"] == ([pytest.approx(3.0)] if kept else [])


def test_a_gender_that_is_none_goes_with_a_row_and_its_speaker_stays(sound: Path, tmp_path: Path) -> None:
    change(sound, "spk2gender", "s2 f", "s2 x")
    data, dropped = repaired(sound, tmp_path / "out")
    assert data.tables["spk2gender"] == {"متكلم": "m"} and dropped == {"s2": "gender"}
    assert len(data) == 3


def test_phones_of_the_utterances_that_are_left_stay(sound: Path, tmp_path: Path) -> None:
    change(sound, "text", "s2-r-a hello, world\n", "")
    data, dropped = repaired(sound, tmp_path / "out")
    assert dropped == {"s2-r-a": "audio without transcript"} and len(data) == 2
    assert (tmp_path / "out/phones.ctm").read_text(encoding="utf-8") == "متكلم-1-a 1 0.00 1.20 م\n"


def test_a_table_of_phones_that_lacks_utterances_costs_none(sound: Path, tmp_path: Path) -> None:
    (sound / "utt2phones").write_text("s2-r-a HH AH0\n")
    data, dropped = repaired(sound, tmp_path / "out")
    assert len(data) == 3 and not dropped and data.tables["utt2phones"] == {"s2-r-a": "HH AH0"}


def test_a_line_of_nothing_that_is_there_costs_itself_with_a_row_that_names_its_tables(
    sound: Path, tmp_path: Path
) -> None:
    """A typo in the table of channels; an utterance taken out of segments alone; a speaker who speaks nowhere."""
    recording = next(iter(DataDir.read(sound).tables["wav.scp"]))
    (sound / "reco2file_and_channel").write_text(f"{recording.upper()}x call A\n", encoding="utf-8")
    change(sound, "segments", "s2-r-a s2-r 0.5 2.5\n", "")
    change(sound, "spk2gender", "s2 f\n", "s2 f\ns3 f\n")
    data, _ = repaired(sound, tmp_path / "out")
    assert "s2-r-a" not in {u.id for u in data} and "reco2file_and_channel" not in data.tables
    rows = {id: (reason, detail) for id, _, reason, detail in read_ledger(tmp_path / "out/dropped.tsv")}
    assert rows[f"{recording.upper()}x"] == (
        "line without its recording",
        "lines in reco2file_and_channel: `call A`, and none in wav.scp",
    )
    reason, detail = rows["s2-r-a"]
    assert reason == "transcript without audio" and "text" in detail and "utt2spk" in detail and "segments" in detail
    assert rows["s3"] == ("line without its speaker", "lines in spk2gender, and none in utt2spk")
    assert rows["s2-r"][0] == "recording without a segment" and len(rows) == 4


def test_tables_that_are_in_the_output_folder_are_left_alone(sound: Path, tmp_path: Path) -> None:
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp/text").write_text("u1 فرضية\n")
    with pytest.raises(UserError, match="tables of something else"):
        repair(sound, tmp_path / "exp")
    assert (tmp_path / "exp/text").read_text() == "u1 فرضية\n"


def test_durations_that_no_header_confirms_are_said_to_stand(record, make_noise, tmp_path: Path) -> None:
    wav = {"s-1": str(record("a.wav", make_noise(2))), "s-2": f"cat {tmp_path / 'a.wav'} |"}
    tables = {"wav.scp": wav, "utt2spk": dict.fromkeys(wav, "s"), "utt2dur": dict.fromkeys(wav, "1.0")}
    write_data_dir(tmp_path / "d", tables)
    told = repair(tmp_path / "d", tmp_path / "out", allow_pipes=True)
    assert "durations of 1 recordings stand as they were: commands are not run" in told
    assert DataDir.read(tmp_path / "out", allow_pipes=True).tables["utt2dur"] == {"s-1": "2.0000", "s-2": "1.0"}


def test_of_a_recording_with_one_sample_that_is_no_number_only_its_own_segment_is_dropped(
    record: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a broadcast of an hour that would else be all segments. The sample's place is told."""
    wave = 0.5 * np.sin(2 * np.pi * 200 * np.arange(12 * 16000) / 16000)
    wave[[152000, 152001]] = np.nan  # at 9.5 s
    one, two = (record(f"{name}.wav", wave, subtype="FLOAT") for name in ("r", "q"))
    spans = {"متكلم-1": "r 0 3", "متكلم-2": "r 3 6", "متكلم-3": "r 9 9.5", "متكلم-4": "r 9.5 12", "متكلم-5": "q 0 9"}
    tables = {"wav.scp": {"r": str(one), "q": str(two)}, "reco2dur": {"r": "12", "q": "12"}, "segments": spans}
    write_data_dir(tmp_path / "train", {**tables, "utt2spk": dict.fromkeys(spans, "متكلم")})
    main([str(tmp_path / "train"), "--audio", "--fix", "--out", str(tmp_path / "mended"), "--nj", "1"])
    assert {u.id for u in DataDir.read(tmp_path / "mended")} == set(spans) - {"متكلم-4"}
    told = "2 samples are not finite (NaN or infinite), the first at 9.500 s"
    rows = read_ledger(tmp_path / "mended/dropped.tsv")
    assert rows == [("متكلم-4", "data.validate", "non-finite", f"{told} of r")]
    assert f"q: {told}, in none of its segments" in capsys.readouterr().out


def test_the_row_of_a_contradiction_holds_both_texts(sound: Path, tmp_path: Path) -> None:
    text = (sound / "text").read_text(encoding="utf-8").splitlines()
    id, _, first = text[0].partition(" ")
    (sound / "text").write_text("\n".join([text[0], f"{id} نص آخر", *text[1:]]) + "\n", encoding="utf-8")
    repair(sound, tmp_path / "mended")
    row = next(line for line in (tmp_path / "mended/dropped.tsv").read_text().splitlines() if line.startswith(id))
    assert "contradiction" in row and f"`{first}` there, `نص آخر` here" in row


def test_a_fifth_column_of_segments_is_told_where_it_belongs(sound: Path) -> None:
    lines = (sound / "segments").read_text(encoding="utf-8").splitlines()
    (sound / "segments").write_text("".join(f"{line} 0\n" for line in lines), encoding="utf-8")
    told = [p for p in inspect(sound).problems if p.reason == "columns"]
    assert len(told) == len(lines)
    assert all("5 columns where 4 belong" in p.message and "reco2file_and_channel" in p.remedy for p in told)
