"""Utterances whose length is odd, and recordings of several channels, in any corpus."""

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from odd_audio import frames, tone, wav_with_sizes, without_header
from odd_channels import call, correlated, noise, pitch, tones, write
from trees import casablanca, iemocap, speech

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.data.checks import inspect
from toolkit.data.corpora.gather import LACKING, gather
from toolkit.data.corpora.segments import CorpusConfig, CorpusSegment, Take
from toolkit.data.corpora.sets import write_sets
from toolkit.data.formats.mp3 import ENDS_INSIDE
from toolkit.data.formats.wav import WRAPPED
from toolkit.data.kaldi import DataDir
from toolkit.data.pace import Stated, stated

from .conftest import Prepared, prepare

CHANNELS = "reco2file_and_channel"
LONG = "هذا نص طويل فيه كلمات كثيرة"


def gathered(folder: Path, segments: Sequence[CorpusSegment], **take: Any) -> Step[CorpusConfig]:
    """The step that writes these utterances, whose recordings are below `folder`, to folder/out."""
    step = Step(CorpusConfig(Take(**take)), [folder], folder / "out", ["data.corpora.x"])
    shutil.rmtree(step.out, ignore_errors=True)
    step.out.mkdir()
    write_sets(step, folder, gather(step, folder, segments, [1.0] * len(segments), lambda s: [s]))
    return step


def dropped(step: Step[CorpusConfig]) -> dict[str, tuple[str, str]]:
    """Original id -> (reason, detail)."""
    return {row[0]: (row[2], row[3]) for row in step.ledger.rows}


def of(set: str, original: str, **fields: Any) -> CorpusSegment:
    return CorpusSegment(set, original, f"{original.partition('_')[0]}.wav", **fields)


def test_a_pace_that_nobody_speaks_at_costs_training_sets_the_row_and_others_a_warning(tmp_path, capsys) -> None:
    write(tmp_path / "long.wav", noise(9, 1))
    write(tmp_path / "short.wav", noise(0.2, 1))
    parts = ("train", "dev", "test")
    segments = [of(f"x_{part}", f"long_{part}", text="نعم") for part in parts]
    segments += [of(f"x_{part}", f"short_{part}", text=LONG) for part in parts]
    segments += [of("x_train", "long_good", text=LONG), of("x_train", "long_none")]
    step = gathered(tmp_path, segments)
    assert dropped(step) == {
        "long_train": ("letters per second", "3 letters in 9.00 s: 0.33 a second, fewer than 1"),
        "short_train": ("letters per second", "22 letters in 0.20 s: 110.0 a second, more than 35"),
    }
    assert [len(DataDir.read(tmp_path / "out" / name)) for name in ("x_train", "x_dev", "x_test")] == [2, 2, 2]
    output = capsys.readouterr().out
    assert "WARNING: x_test: 2 utterances are kept" in output and "long_test: 3 letters in 9.00 s" in output
    assert step.counts["x_dev_odd"] == step.counts["x_test_odd"] == 2
    kept = gathered(tmp_path, segments, min_letters_per_second=0.0, max_letters_per_second=0.0)
    assert dropped(kept) == {} and "x_test_odd" not in kept.counts


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "NULL", "#N/A", "<NA>", ""])
def test_a_missing_transcript_costs_training_sets_the_row_and_others_a_warning(tmp_path, capsys, word) -> None:
    write(tmp_path / "a.wav", noise(2, 1))
    segments = [of(f"x_{part}", f"a_{part}", text=word) for part in ("train", "dev", "test")]
    references = of("x_test", "a_two", text="نعم", more={"text_Ali": word, "text_Omar": "نعم"})
    step = gathered(tmp_path, [*segments, of("x_train", "a_good", text="نعم"), of("x_train", "a_none"), references])
    assert {id: reason for id, (reason, _) in dropped(step).items()} == {"a_train": "no transcript"}
    test = DataDir.read(tmp_path / "out/x_test").tables
    assert sorted(test["text"].values()) == ["", "نعم"] and sorted(test["text_Ali"].values()) == ["", ""]
    output = capsys.readouterr().out
    assert "WARNING: x_dev: 1 utterances are kept" in output and "a_test: an empty transcript" in output


def test_two_transcripts_of_the_same_seconds_are_told_with_their_number_and_ids(tmp_path, capsys) -> None:
    write(tmp_path / "a.wav", noise(4, 1))
    times = {"start": 1.0, "end": 3.0}
    segments = [of("x_train", f"a_{n}", text=text, **times) for n, text in enumerate(("نعم", "لا", "نعم"))]
    gathered(tmp_path, [*segments, of("x_train", "a_later", text="كلا", start=1.5, end=3.0)])
    told = "WARNING: 3 utterances have the same audio as another, and another transcript: a_0, a_1, a_2"
    assert told in capsys.readouterr().out


def test_a_gender_of_no_known_word_is_told(tmp_path, capsys) -> None:
    write(tmp_path / "a.wav", noise(4, 1))
    genders = ("1", "m", "1", "other", "nan", "أنثى")
    gathered(tmp_path, [of("x_train", f"a_{n}", speaker=str(n), gender=word) for n, word in enumerate(genders)])
    assert sorted(DataDir.read(tmp_path / "out/x_train").tables["spk2gender"].values()) == ["f", "m"]
    assert "gender: 3 utterances have one that is neither m nor f, and get none: 1 (2), other (1)" in (
        capsys.readouterr().out
    )


def test_a_piece_is_held_against_its_own_text_and_its_recording_against_what_is_stated_of_that(tmp_path) -> None:
    write(tmp_path / "a.wav", noise(9, 1))
    whole, wrong = stated("FullFileLength", "9.0", recording=True), stated("FullFileLength", "60", recording=True)
    step = gathered(
        tmp_path,
        [
            of("x_train", "a_good", text="نعم", end=2.0, stated=whole),
            of("x_train", "a_slow", text="نعم", start=1.0, end=9.0, stated=whole),
            of("x_train", "a_wrong", text="نعم", end=2.0, stated=wrong),
            of("x_train", "a_both", text="نعم", end=2.0, stated=(*whole, Stated("SegmentLength", "4.5", 4.5))),
        ],
    )
    assert dropped(step) == {
        "a_slow": ("letters per second", "3 letters in 8.00 s: 0.38 a second, fewer than 1"),
        "a_wrong": ("stated length", "FullFileLength 60, 60.00 s, where its recording has 9.00 s"),
        "a_both": ("stated length", "SegmentLength 4.5, 4.50 s, where it has 2.00 s"),
    }


@pytest.fixture
def fleurs(make_tree: Callable[..., Path], tmp_path: Path) -> Callable[..., Prepared]:
    """FLEURS with a file of 0.84 s in train and in test, of which its row says 161,280 samples."""
    corpus = make_tree("fleurs", False)
    for part in ("train", "test"):
        table = corpus / f"data/ar_eg/{part}.tsv"
        lines = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
        soundfile.write(corpus / f"data/ar_eg/audio/{part}/{lines[2][1]}", noise(0.84, 1), 16000)
        lines[2][2], lines[2][5] = "قال نعم", "161280"
        table.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    return lambda *words: prepare("fleurs", corpus, tmp_path / f"data{len(words)}", *words)


def test_a_file_of_fleurs_that_has_not_its_samples_leaves_train_and_is_told_of_in_test(fleurs) -> None:
    made, believed = fleurs(), fleurs("--take.stated_lengths", "false")
    assert made.code == believed.code == 0, made.output
    assert len(made.set("fleurs_train")) == len(believed.set("fleurs_train")) - 1
    assert len(made.set("fleurs_test")) == len(believed.set("fleurs_test"))
    assert [reason for _, reason in made.dropped].count("stated length") == 1
    assert "WARNING: fleurs_test: 1 utterances are kept although their length or transcript is odd" in made.output
    assert made.output.count("num_samples 161280, 10.08 s, where it has 0.84 s") == 1


def test_clips_of_common_voice_are_held_against_the_table_of_their_durations(make_tree, tmp_path) -> None:
    corpus = make_tree("commonvoice")
    at = next(corpus.glob("cv-corpus-*/ar"))
    clips = sorted(path.name for path in (at / "clips").iterdir())
    rows = [f"{clip}\t{round(soundfile.info(at / 'clips' / clip).duration * 1000)}" for clip in clips]
    (at / "clip_durations.tsv").write_text("\n".join(["clip\tduration[ms]", *rows]) + "\n", encoding="utf-8")
    made = prepare("commonvoice", corpus, tmp_path / "right")
    assert made.code == 0 and "stated length" not in made.output and "odd" not in made.output, made.output
    twice = [f"{clip}\t{2 * int(length)}" for clip, length in (row.split("\t") for row in rows)]
    (at / "clip_durations.tsv").write_text("\n".join(["clip\tduration[ms]", *twice]) + "\n", encoding="utf-8")
    none = prepare("commonvoice", corpus, tmp_path / "none")
    assert none.code == 1 and "commonvoice_train: none of its" in none.output and "stated length" in none.output
    twice[0] = rows[0]  # of train
    (at / "clip_durations.tsv").write_text("\n".join(["clip\tduration[ms]", *twice]) + "\n", encoding="utf-8")
    wrong = prepare("commonvoice", corpus, tmp_path / "wrong")
    assert [reason for _, reason in wrong.dropped].count("stated length") == len(made.set("commonvoice_train")) - 1
    assert len(wrong.set("commonvoice_train")) == 1
    assert len(wrong.set("commonvoice_test")) == len(made.set("commonvoice_test"))


def test_tables_of_sada_masc_casablanca_and_iemocap_are_held_against_their_audio(make_tree, tmp_path) -> None:
    sada = make_tree("sada")
    with open(sada / "train.csv", encoding="utf-8-sig", newline="") as f:
        rows = list(csv.DictReader(f))
    rows[0]["SegmentLength"], rows[2]["FullFileLength"], rows[4]["SegmentLength"] = "99", "0:30:00", "n/a"
    with open(sada / "train.csv", "w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    made = prepare("sada", sada, tmp_path / "sada_out")
    lost = [id for id, reason in made.dropped if reason == "stated length"]
    assert lost == [rows[0]["SegmentID"]] and "unclear" in [reason for _, reason in made.dropped]  # row 2 is that
    masc = make_tree("masc")
    table = masc / "subsets/clean_train.csv"
    header, *lines = table.read_text(encoding="utf-8").splitlines()
    fields = next(csv.reader([lines[0]]))
    assert float(fields[2]) > 1
    lines[0] = lines[0].replace(f'",{fields[2]},', '",3000,')
    table.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    made = prepare("masc", masc, tmp_path / "masc_out")
    assert [reason for _, reason in made.dropped].count("stated length") == 3  # the cues of that video
    assert "letters per second" not in made.output
    casablanca.make(tmp_path / "casablanca", speech(24), ("Algeria",))
    made = prepare("casablanca", tmp_path / "casablanca", tmp_path / "casablanca_out")
    assert made.code == 0 and "odd" not in made.output and "stated" not in made.output
    iemocap.make(tmp_path / "iemocap", speech(24))
    ratings = next((tmp_path / "iemocap").glob("Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"))
    ratings.write_text(ratings.read_text().replace("[0.0000 - ", "[0.0000 - 9"), encoding="utf-8")
    made = prepare("iemocap", tmp_path / "iemocap", tmp_path / "iemocap_out")
    assert "WARNING: iemocap: 1 utterances are kept although their length or transcript is odd" in made.output
    assert "[start - end] 0.0000 - 9" in made.output


def test_recordings_with_an_odd_header_are_named_once_for_all_their_utterances(tmp_path, capsys) -> None:
    (tmp_path / "wrapped.wav").write_bytes(wav_with_sizes(tone("wav", 4), 32000))
    (tmp_path / "half.wav").write_bytes(without_header(tone("mp3", 4))[:-20])
    write(tmp_path / "good.wav", noise(2, 1))
    segments = [of("x_test", f"wrapped_{i}", start=float(i), end=i + 1.0) for i in range(4)]
    step = gathered(tmp_path, [*segments, of("x_train", "half"), of("x_train", "good")])
    assert dropped(step) == {} and len(DataDir.read(tmp_path / "out/x_test")) == 4
    lines = capsys.readouterr().out.splitlines()
    assert {f"noted 1: {WRAPPED}: wrapped.wav", f"noted 1: {ENDS_INSIDE}: half.wav"} <= {*lines}
    assert step.counts[WRAPPED] == step.counts[ENDS_INSIDE] == 1


def test_segments_behind_a_hole_of_an_mp3_are_lost_and_its_set_is_warned_of_it(tmp_path, capsys) -> None:
    """Bytes are lost at 6 s of 12 s: what follows sounds 1 s earlier. All segments of dev are before."""
    whole = tone("mp3", 12)
    at = frames(whole)[round(6 * 16000 / 576)]
    for name in ("news", "talk"):
        (tmp_path / f"{name}.wav").write_bytes(whole[: at + 50] + whole[at + 50 + len(whole) // 12 :])
    segments = [of("x_train", f"news_{i}", start=2.0 * i, end=2.0 * i + 1.5) for i in range(5)]
    step = gathered(tmp_path, [*segments, of("x_dev", "talk_1", start=0.0, end=5.0)])
    assert {id: reason for id, (reason, _) in dropped(step).items()} == {"news_3": "truncated", "news_4": "truncated"}
    assert "damaged at 5.9 s" in dropped(step)["news_3"][1]
    assert f"WARNING: x_dev: 1 recordings are {LACKING}: talk.wav" in capsys.readouterr().out.splitlines()
    assert len(DataDir.read(tmp_path / "out/x_train")) == 3 and len(DataDir.read(tmp_path / "out/x_dev")) == 1


def test_a_segment_that_ends_at_0_is_told_by_its_own_times(tmp_path) -> None:
    write(tmp_path / "news.wav", noise(20, 1))
    step = gathered(
        tmp_path, [of("x_train", "news_1", start=3.22, end=0.0), of("x_train", "news_2", start=1.0, end=2.0)]
    )
    assert dropped(step) == {"news_1": ("no duration", "3.22 to 0.0 s")}


def test_channels_that_differ_cost_training_sets_the_row_and_are_refused_in_others(tmp_path, capsys) -> None:
    write(tmp_path / "call.wav", call())
    write(tmp_path / "good.wav", noise(2, 1))
    train = [of("x_train", "call_1", end=2.0), of("x_train", "call_2", start=2.0, end=4.0), of("x_train", "good")]
    step = gathered(tmp_path, train)
    for id in ("call_1", "call_2"):
        reason, detail = dropped(step)[id]
        assert reason == "channels that differ" and "take.channel: left|right|both|mean" in detail
    with pytest.raises(UserError, match="channels differ, r = ") as e:
        gathered(tmp_path, [*train, of("x_test", "call_3", end=1.0)])
    assert "take.channel: left|right|both|mean" in str(e.value) and "call_3" in str(e.value)
    assert not (tmp_path / "out" / "shards").exists()
    step = gathered(tmp_path, [*train, of("x_test", "call_3", end=1.0)], channel="right")
    assert dropped(step) == {} and "1 recordings of 2 channels: right, as asked for" in capsys.readouterr().out


def test_the_side_that_is_read_is_in_the_table_and_heard(tmp_path) -> None:
    one = noise(2, 1)
    write(tmp_path / "tones.wav", tones(440, 1250))
    write(tmp_path / "opposite.flac", np.stack([one, -one], axis=1))
    write(tmp_path / "silent.wav", np.stack([0 * one, one], axis=1))
    write(tmp_path / "mean.wav", correlated(0.9))
    files = ("opposite.flac", "silent.wav", "mean.wav")
    step = gathered(tmp_path, [CorpusSegment("x_train", file.partition(".")[0], file) for file in files])
    data = DataDir.read(tmp_path / "out/x_train")
    assert data.tables[CHANNELS] == {"opposite": "opposite A", "silent": "silent B"}
    assert {u.id: u.channel for u in data} == {"opposite": "left", "silent": "right", "mean": ""}
    np.testing.assert_allclose({u.id: u for u in data}["silent"].audio(), one, atol=1e-6)
    counts = {"2 channels: left, as they are opposite in phase", "2 channels: right, as the other is silent"}
    assert {name for name in step.counts if "channels" in name} == counts | {"2 channels: their mean"}
    gathered(tmp_path, [of("x_test", "tones_1", end=1.0), of("x_test", "tones_2", start=1.0, end=2.0)], channel="right")
    test = DataDir.read(tmp_path / "out/x_test")
    assert test.tables[CHANNELS] == {"tones": "tones B"} and {round(pitch(u.audio())) for u in test} == {1250}
    assert inspect(tmp_path / "out/x_test", audio=True).problems == []


def test_a_corpus_of_one_channel_has_no_table_of_them(tmp_path) -> None:
    write(tmp_path / "a.wav", noise(2, 1))
    step = gathered(tmp_path, [of("x_train", "a")], channel="both")
    assert CHANNELS not in DataDir.read(tmp_path / "out/x_train").tables
    assert not [name for name in step.counts if "channel" in name]


def test_both_makes_two_recordings_of_two_people(tmp_path) -> None:
    write(tmp_path / "call.wav", tones(440, 1250, 3.0))
    write(tmp_path / "call-A.wav", noise(1, 1))  # its name is that of a side
    write(tmp_path / "mean.wav", correlated(0.9))
    plain = [of("x_train", "call", programme="p"), of("x_train", "mean"), CorpusSegment("x_train", "own", "call-A.wav")]
    gathered(tmp_path, plain, channel="both")
    data = DataDir.read(tmp_path / "out/x_train")
    sides = {data.tables["utt2orig"][u.id]: u for u in data}
    assert sides.keys() == {"call-A", "call-B", "mean", "own"}
    assert sides["call-A"].id.endswith("-A") and sides["call-B"].id.endswith("-B")
    assert sides["call-A"].speaker != sides["call-B"].speaker
    assert round(pitch(sides["call-A"].audio())) == 440 and round(pitch(sides["call-B"].audio())) == 1250
    cut = [of("x_train", "call_1", speaker="s", end=1.0), of("x_train", "call_2", speaker="s", start=1.0, end=3.0)]
    gathered(tmp_path, [*cut, CorpusSegment("x_train", "own", "call-A.wav")], channel="both")
    data = DataDir.read(tmp_path / "out/x_train")
    assert len(data) == 5 and len(data.tables["wav.scp"]) == 3 and len(data.tables[CHANNELS]) == 2
    heard = {data.tables["utt2orig"][u.id]: round(pitch(u.audio())) for u in data if u.channel}
    assert heard == {"call_1-A": 440, "call_1-B": 1250, "call_2-A": 440, "call_2-B": 1250}
    assert inspect(tmp_path / "out/x_train", audio=True).problems == []


def test_a_transcript_is_of_no_side_alone(tmp_path) -> None:
    write(tmp_path / "call.wav", call())
    write(tmp_path / "good.wav", noise(2, 1))
    rows = [of("x_train", "call_1", text=LONG, end=3.0), of("x_train", "good", text=LONG)]
    reason, detail = dropped(gathered(tmp_path, rows, channel="both"))["call_1"]
    assert reason == "channels that differ" and "one transcript" in detail
    for choice in ("auto", "both"):
        with pytest.raises(UserError) as e:
            gathered(tmp_path, [*rows, of("x_test", "call_2", text=LONG, end=3.0)], channel=choice)
        assert "take: {channel: left|right|mean}" in e.value.remedy and "conf/data.yaml" in e.value.remedy
        assert "both|" not in str(e.value) and ("one transcript" in str(e.value)) == (choice == "both")
