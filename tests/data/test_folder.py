"""A folder of recordings becomes data directories, and nothing is lost without a row."""

import os
import subprocess
import sys
import unicodedata
from collections import Counter

import numpy as np
import pytest
from odd_audio import tone, wav_with_sizes, without_header
from odd_channels import correlated, pitch, tones

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.data.audio import read_audio
from toolkit.data.checks import inspect
from toolkit.data.corpora.folder import FolderConfig, prepare
from toolkit.data.cut import CutConfig
from toolkit.data.formats import mp3
from toolkit.data.formats import wav as wav_header
from toolkit.data.judge import Limits
from toolkit.data.kaldi import DataDir

SETS = ("train", "dev", "test")
HEAD = "path\ttext\tspeaker\tdialect\tgender\temotion\n"


def prepared(root, out, table=None, **fields):
    """Run the step in this process; (ledger rows by id, counts)."""
    step = Step(FolderConfig(**fields), [root, *([table] if table else [])], out, ["data.corpora.folder"])
    out.mkdir(parents=True, exist_ok=True)
    prepare(step)
    return {row[0]: row[2] for row in step.ledger.rows}, step.counts


def sets(out):
    return {name: DataDir.read(out / name) for name in SETS if (out / name).exists()}


def everything(out):
    return [u for data in sets(out).values() for u in data]


def call(root, out, nj=1, *words):
    env = {**os.environ, "SAWT_NJ": str(nj), "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, "-m", "toolkit.data.corpora.folder", "--in", root, "--out", out, *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    return subprocess.Popen(argv, env=env, **pipes)


def made(out):
    return {
        str(p.relative_to(out)): p.read_bytes()
        for p in sorted(out.rglob("*"))
        if p.is_file() and p.name not in ("times.json", ".lock", "record.json") and "log" not in p.parts
    }


def test_a_bare_tree_becomes_three_sound_sets_without_a_shared_speaker(corpus, tmp_path):
    for s in range(5):
        for i, ending in enumerate(("wav", "flac", "mp3", "ogg")):
            corpus(f"متحدث {s}/عميق/ملف {i}.{ending}", rate=(16000, 8000, 44100, 48000)[i])
    dropped, counts = prepared(corpus.root, tmp_path / "out")
    assert dropped == {} and counts["recordings_kept"] == 20
    data_dirs = sets(tmp_path / "out")
    assert set(data_dirs) == set(SETS)
    for name, data in data_dirs.items():
        assert inspect(tmp_path / "out" / name, audio=True).problems == []
        assert all(u.id.startswith(u.speaker + "-") for u in data)
        assert all(len(u.audio()) == 32000 for u in data)
    speakers = [{u.speaker for u in data} for data in data_dirs.values()]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 5


def test_transcripts_and_labels_of_the_table_reach_the_sets(corpus, tmp_path):
    rows = [HEAD.replace("path", "\ufeffpath")]
    for s in range(4):
        for i in range(2):
            corpus(f"{s}/{i}.wav")
            label = "happy" if s else ""
            rows.append(
                f'{s}/{i}.wav\tقال: "نعم\u00a0{i}"\tس-{s}\tمصري قاهري\t{"female" if s % 2 else "ذكر"}\t{label}\n'
            )
    (corpus.root / "t.tsv").write_text("".join(rows), encoding="utf-8")
    dropped, counts = prepared(corpus.root, tmp_path / "out")
    assert dropped == {} and counts["emotion_unknown"] == 2
    tables = [data.tables for data in sets(tmp_path / "out").values()]
    joined = {name: {k: v for t in tables for k, v in t.get(name, {}).items()} for name in tables[0] | tables[1]}
    assert set(joined["text"].values()) == {'قال: "نعم 0"', 'قال: "نعم 1"'}
    assert set(joined["utt2lang"].values()) == {"مصري_قاهري"}
    assert joined["spk2gender"] == {"س_0": "m", "س_1": "f", "س_2": "m", "س_3": "f"}
    for name in SETS:
        assert inspect(tmp_path / "out" / name).errors == []


def test_every_recording_that_cannot_be_used_is_set_aside_with_its_reason(corpus, tmp_path, record, make_noise):
    rows = [HEAD]
    for s in range(3):
        corpus(f"good/{s}.wav")
        rows.append(f"good/{s}.wav\tنص\ts{s}\t\t\t\n")
    corpus("stereo.wav")
    record("corpus/stereo.wav", np.stack([make_noise(2, seed=9)] * 2, axis=1))
    corpus("low.wav", rate=8000)
    corpus("really_mp3.wav", format="MP3")
    noise = corpus("whole.wav")
    (corpus.root / "copy.wav").write_bytes(noise.read_bytes())
    (corpus.root / "empty.wav").write_bytes(b"")
    (corpus.root / "cut.wav").write_bytes(noise.read_bytes()[:20000])
    (corpus.root / "text.wav").write_text("نص" * 100)
    (corpus.root / "gone.wav").symlink_to("nowhere.wav")
    (corpus.root / "x.m4a").write_bytes(b"m4a")
    (corpus.root / "._good.wav").write_bytes(b"Mac")
    (corpus.root / "line\nbreak.wav").write_bytes(noise.read_bytes())
    (corpus.root / os.fsdecode(b"\xe3\xd1.wav")).write_bytes(noise.read_bytes())
    record("corpus/silent.wav", np.zeros(32000))
    record("corpus/one.wav", np.full(1, 0.5))
    record("corpus/nan.wav", np.full(32000, np.nan), subtype="FLOAT")
    record("corpus/long.wav", make_noise(9, seed=4))
    for name in [
        "stereo",
        "low",
        "really_mp3",
        "whole",
        "copy",
        "empty",
        "cut",
        "text",
        "silent",
        "one",
        "nan",
        "long",
    ]:
        same = "whole" if name == "copy" else name  # rows of the same bytes that differ are contradictions
        rows.append(f"{name}.wav\tنص {same}\t{same}\t\t\t\n")
    corpus("quiet_row.wav")
    corpus("no_row.wav")
    corpus("word.wav")
    for name, text in (("quiet_row", " "), ("absent", "نص"), ("good/0", "مرة"), ("word", "<s> نص")):
        rows.append(f"{name}.wav\t{text}\t\t\t\t\n")
    (corpus.root / "t.tsv").write_bytes("".join(rows).encode() + b"good/1.wav\t\xe3\xd1\t\t\t\t\n")
    dropped, counts = prepared(corpus.root, tmp_path / "out", limits=Limits(max_seconds=5.0))
    n = len(rows)
    assert dropped == {
        "whole.wav": "duplicate",
        "empty.wav": "empty",
        "cut.wav": "truncated",
        "text.wav": "unreadable",
        "gone.wav": "missing",
        "x.m4a": "unsupported format",
        "._good.wav": "hidden file",
        "line\\nbreak.wav": "unusable name",
        "\\xe3\\xd1.wav": "unusable name",
        "silent.wav": "silent",
        "one.wav": "too short",
        "nan.wav": "non-finite",
        "long.wav": "too long",
        "quiet_row.wav": "audio without transcript",
        "no_row.wav": "audio without transcript",
        "word.wav": "reserved word",
        f"t.tsv:{n - 2}": "transcript without audio",
        **dict.fromkeys(("good/0.wav", "t.tsv:2", f"t.tsv:{n - 1}"), "contradiction"),
        f"t.tsv:{n + 1}": "encoding",
    }
    assert len(everything(tmp_path / "out")) == 2 + 4 == counts["recordings_kept"]
    assert counts["2 channels: their mean"] == counts["8000 Hz"] == counts["named WAV, is MP3"] == 1


def test_long_recordings_are_cut_and_every_second_is_in_a_piece_a_pause_or_a_row(corpus, tmp_path, record, make_noise):
    for s, rate in enumerate((16000, 22050, 8000)):
        gates = np.repeat(np.tile([1.0, 1.0, 1.0, 1e-3], 15), rate)
        record(f"corpus/محاضرة {s}.flac", make_noise(60, rate, seed=s) * gates, rate)
    config = CutConfig("energy", 10.0, 1.0, 0.4)
    dropped, _ = prepared(corpus.root, tmp_path / "out", cut=config)
    assert dropped == {}
    for name in SETS:
        assert inspect(tmp_path / "out" / name, audio=True).problems == []
    utterances = everything(tmp_path / "out")
    assert all(1.0 <= u.seconds <= 10.0 for u in utterances)
    for path, n in Counter(u.path for u in utterances).items():
        covered = np.zeros(60 * 16000, bool)
        for u in (u for u in utterances if u.path == path):
            covered[round(u.start * 16000) : round(u.end * 16000)] = True
        loud = np.abs(read_audio(path)) > 0.05
        assert covered[loud].mean() > 0.999 and n >= 6
        np.testing.assert_allclose(
            utterances[0].audio(),
            read_audio(utterances[0].path)[round(utterances[0].start * 16000) : round(utterances[0].end * 16000)],
            atol=1e-5,
        )


def test_fixed_cutting_drops_a_short_rest_with_a_row(corpus, tmp_path):
    for s in range(3):
        corpus(f"{s}.wav", 20.5)
    dropped, _ = prepared(corpus.root, tmp_path / "out", cut=CutConfig("fixed", 10.0))
    assert sorted(dropped) == [f"{s}-0002000-0002050" for s in range(3)] and set(dropped.values()) == {"too short"}
    assert all(u.seconds == 10.0 for u in everything(tmp_path / "out"))


def test_transcribed_recordings_are_never_cut(corpus, tmp_path):
    rows = [HEAD]
    for s in range(3):
        corpus(f"{s}.wav", 12)
        rows.append(f"{s}.wav\tنص من كلمات كثيرة\t{s}\t\t\t\n")
    (corpus.root / "t.tsv").write_text("".join(rows), encoding="utf-8")
    prepared(corpus.root, tmp_path / "out", cut=CutConfig("energy", 5.0))
    assert [u.seconds for u in everything(tmp_path / "out")] == [12.0] * 3


def test_a_table_without_a_column_of_text_labels_and_asks_for_no_transcript(corpus, tmp_path):
    for s in range(3):
        corpus(f"{s}.wav")
    table = tmp_path / "labels.tsv"  # outside the corpus: the second input
    table.write_text("file\tdialect\n0.wav\tALG\n1.wav\tJOR\n", encoding="utf-8")
    dropped, counts = prepared(corpus.root, tmp_path / "out", table)
    assert dropped == {} and counts["dialect_unknown"] == 1
    data_dirs = sets(tmp_path / "out").values()
    languages = {i: v for d in data_dirs for i, v in d.tables["utt2lang"].items()}
    assert languages == {"0": "ALG", "1": "JOR", "2": "unknown"}
    assert not any("text" in d.tables for d in data_dirs)


def test_recordings_without_a_transcript_are_kept_where_asked(corpus, tmp_path):
    for s in range(4):
        corpus(f"{s}.wav")
    (corpus.root / "t.tsv").write_text("path\ttext\n0.wav\tنص\n", encoding="utf-8")
    dropped, _ = prepared(corpus.root, tmp_path / "out", keep_untranscribed=True)
    assert dropped == {} and len(everything(tmp_path / "out")) == 4
    for name in SETS:
        assert inspect(tmp_path / "out" / name).errors == []


def test_fewer_speakers_than_sets_are_split_by_recording_and_it_is_said(corpus, tmp_path, capsys):
    for i in range(6):
        corpus(f"واحد/{i}.wav")
    _, counts = prepared(corpus.root, tmp_path / "out")
    assert counts["split_by_recording"] == 1 and "split by recording" in capsys.readouterr().out
    assert {name: len(d) > 0 for name, d in sets(tmp_path / "out").items()} == dict.fromkeys(SETS, True)


def test_pieces_of_a_recording_stay_in_one_set(corpus, tmp_path):
    for i in range(4):
        corpus(f"واحد/{i}.wav", 25)
    prepared(corpus.root, tmp_path / "out", cut=CutConfig("fixed", 5.0))
    places = [(u.path, name) for name, d in sets(tmp_path / "out").items() for u in d]
    assert len(places) == 20 and len({path for path, _ in places}) == len(set(places)) == 4


def test_ids_are_unique_readable_and_do_not_depend_on_other_files(corpus, tmp_path):
    nfc, nfd = "أحمد.wav", unicodedata.normalize("NFD", "أحمد.wav")
    for name in ("a/1.wav", "a/1.flac", "a b/1.wav", "a_b/1.wav", "c/د هـ.wav", nfc, nfd, "x" * 200 + ".wav"):
        corpus(name)
    prepared(corpus.root, tmp_path / "one")
    first = {i: r for d in sets(tmp_path / "one").values() for i, r in d.tables["utt2orig"].items()}
    assert len(first) == 8 and "c-د_هـ" in first
    corpus("new/y.wav")
    prepared(corpus.root, tmp_path / "two")
    second = {i: r for d in sets(tmp_path / "two").values() for i, r in d.tables["utt2orig"].items()}
    assert {i: second[i] for i in first} == first


def test_audio_is_named_by_the_path_as_given(corpus, tmp_path, monkeypatch):
    for s in range(3):
        corpus(f"{s}/a.wav")
    monkeypatch.chdir(tmp_path)
    root = type(tmp_path)("corpus")
    prepared(root, type(tmp_path)("out"))
    assert {u.path for u in everything(tmp_path / "out")} == {f"corpus/{s}/a.wav" for s in range(3)}


def test_a_transcript_that_leaves_words_out_is_a_row_and_a_sound_in_brackets_is_none(corpus, tmp_path):
    texts = [
        "قال [غير مسموع] نعم",
        "[لقد] ذهبت إلى السوق",
        "[ضحك] أهلا بكم",
        "يا ابن ال*** تعال",
        "نعم هذا صحيح",
        "لا أعرف",
    ]
    for i in range(len(texts)):
        corpus(f"{i}.wav")
    rows = "".join(f"{i}.wav\t{text}\tس-{i}\t\t\t\n" for i, text in enumerate(texts))
    (corpus.root / "t.tsv").write_text(HEAD + rows, encoding="utf-8")
    dropped, _ = prepared(corpus.root, tmp_path / "out")
    gap = "words not understood"
    assert dropped == {"0.wav": gap, "1.wav": "brackets before speech", "3.wav": gap}


def test_a_transcript_of_sounds_alone_is_a_row_and_sounds_within_one_are_told_and_stay(corpus, tmp_path, capsys):
    texts = ["(تصفيق)", "«موسيقى»", "[ضحك] أهلا بكم", "نعم (قال) أخي", "أهلا [موسيقى]", "الساعة 12:30", "- نعم"]
    for i in range(len(texts)):
        corpus(f"{i}.wav")
    rows = "".join(f"{i}.wav\t{text}\tس-{i}\t\t\t\n" for i, text in enumerate(texts))
    (corpus.root / "t.tsv").write_text(HEAD + rows, encoding="utf-8")
    dropped, _ = prepared(corpus.root, tmp_path / "out")
    assert dropped == {"0.wav": "no speech", "1.wav": "no speech"}
    told = "3 transcripts have marks of sounds or speakers, which stay as words: 2.wav: [ضحك] أهلا بكم"
    assert f"WARNING: {told}\n  without them: أهلا بكم\n" in capsys.readouterr().out


def test_who_speaks_follows_the_rule(corpus, tmp_path):
    for rel in ("m/1/a.wav", "m/1/b.wav", "m/2/a.wav", "f/1/a.wav"):
        corpus(rel)
    for rule, speakers in (
        ("folder", {"m_1", "m_2", "f_1"}),
        ("top_folder", {"m", "f"}),
        ("recording", {"m_1_a", "m_1_b", "m_2_a", "f_1_a"}),
    ):
        prepared(corpus.root, tmp_path / rule, speaker=rule, shares=("train=0.5", "dev=0.5"))
        assert {u.speaker for u in everything(tmp_path / rule)} == speakers


def test_linked_folders_are_followed_but_never_in_a_circle(corpus, tmp_path, record, make_noise):
    for s in range(3):
        record(f"elsewhere/{s}/a.wav", make_noise(2, seed=s))
    (corpus.root / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(corpus.root)
    prepared(corpus.root, tmp_path / "out")
    assert {u.path for u in everything(tmp_path / "out")} == {f"{corpus.root}/link/{s}/a.wav" for s in range(3)}


def test_a_link_that_leads_nowhere_is_a_row_with_its_target_whatever_its_ending(corpus, tmp_path):
    for s in range(3):
        corpus(f"s{s}/a.wav")
    names = ("متحدث", "spk.2019", "a.wav", "b.m4a", "s0/deep", "itself")
    for name in names:
        (corpus.root / name).symlink_to("itself" if name == "itself" else f"/nope/{name}")
    (corpus.root / ".hidden").symlink_to("/nope")
    out, step = tmp_path / "out", Step(FolderConfig(), [corpus.root], tmp_path / "out", ["data.corpora.folder"])
    out.mkdir()
    prepare(step)
    leads = {
        name: f"a link to {'itself' if name == 'itself' else f'/nope/{name}'}, which is not there" for name in names
    }
    assert {row[0]: row[3] for row in step.ledger.rows if row[2] == "missing"} == leads


def test_notes_and_files_that_are_not_looked_at_are_told_in_a_line_of_each_sort(corpus, tmp_path, capsys):
    for s in range(8):
        corpus(f"s{s}/تسجيل.mp3").write_bytes(without_header(tone("mp3", 2, 300 + s))[:-20])
    wav = corpus("s0/b.wav")
    wav.write_bytes(wav_with_sizes(wav.read_bytes(), 32000))
    for name in ("x.m4b", "y.M4B", "الفصل.mp3.1", "x.mp3?token=1", "notes", ".hidden"):
        (corpus.root / name).write_text("path\n")
    (corpus.root / "t.tsv").write_text("path\tspeaker\ns0/b.wav\ts0\n")
    _, counts = prepared(corpus.root, tmp_path / "out")
    lines = capsys.readouterr().out.splitlines()
    names = ", ".join(f"s{s}/تسجيل.mp3" for s in range(5))
    assert f"noted 8: {mp3.ENDS_INSIDE}: {names}, ..." in lines and counts[mp3.ENDS_INSIDE] == 8
    assert f"noted 1: {wav_header.WRAPPED}: s0/b.wav" in lines
    told = "5 files of other endings were not looked at: .m4b 2, without an ending 1, .1 1, .mp3?token=1 1"
    assert told in lines


def test_nothing_usable_is_an_error_that_tells_why(corpus, tmp_path):
    with pytest.raises(UserError, match="no audio file"):
        prepared(corpus.root, tmp_path / "out")
    (corpus.root / "a.wav").write_bytes(b"")
    with pytest.raises(UserError, match="1 empty"):
        prepared(corpus.root, tmp_path / "out")
    corpus("b.wav")
    with pytest.raises(UserError, match="1 recordings cannot be split into 3 sets; dropped before: 1 empty") as e:
        prepared(corpus.root, tmp_path / "out")
    assert "data.yaml" in e.value.where and "edit `shares`" in e.value.remedy and "train and dev" in e.value.remedy
    assert "--shares" not in str(e.value)


def test_a_misspelt_option_and_a_bad_share_are_said_without_a_traceback(corpus, tmp_path):
    corpus("a/1.wav")
    for words, message in ((("--sed", "1"), "did you mean --seed"), (("--shares", "train=2"), "share")):
        process = call(corpus.root, tmp_path / "out", 1, *words)
        output = process.communicate()[0]
        assert process.returncode == 1 and message in output and "Traceback" not in output


def test_summaries_reach_the_sets_and_pieces_of_a_cut_recording_have_none(corpus, tmp_path):
    rows = ["path\tspeaker\tsummary\n"]
    for s in range(4):
        corpus(f"{s}/a.wav", seconds=2.0)
        rows.append(f"{s}/a.wav\ts{s}\tيسأل عن سعر السمك {s}\n" if s else "0/a.wav\ts0\t\n")
    corpus("4/long.wav", seconds=40.0)
    rows.append("4/long.wav\ts4\tخبر طويل\n")
    table = tmp_path / "t.tsv"
    table.write_text("".join(rows), encoding="utf-8")
    dropped, _ = prepared(corpus.root, tmp_path / "out", table, cut=CutConfig(longest_seconds=15.0))
    summaries = {
        k: v for data in sets(tmp_path / "out").values() for k, v in data.tables.get("utt2summary", {}).items()
    }
    assert sorted(summaries.values()) == [f"يسأل عن سعر السمك {s}" for s in (1, 2, 3)]
    assert "summary of a recording that was cut" in set(dropped.values())
    assert all(not inspect(tmp_path / "out" / name).errors for name in sets(tmp_path / "out"))


def test_a_transcript_that_nobody_can_read_in_that_time_costs_its_recording(corpus, tmp_path):
    rows = [HEAD]
    texts = ["هذا نص طويل فيه كلمات كثيرة"] * 3 + ["نعم", "كلمة " * 30, "1446"]
    for s, (text, seconds) in enumerate(zip(texts, (2, 2, 2, 9, 1, 3), strict=True)):
        corpus(f"{s}.wav", seconds)
        rows.append(f"{s}.wav\t{text}\t{s}\t\t\t\n")
    (corpus.root / "t.tsv").write_text("".join(rows), encoding="utf-8")
    dropped, _ = prepared(corpus.root, tmp_path / "out")
    assert dropped == {"3.wav": "letters per second", "4.wav": "letters per second"}
    loose = Limits(min_letters_per_second=0.2, max_letters_per_second=0)
    assert prepared(corpus.root, tmp_path / "loose", limits=loose)[0] == {}


def test_channels_that_differ_are_for_the_user_to_decide_and_what_is_read_is_kept(corpus, tmp_path, record):
    for s in range(3):
        corpus(f"{s}/mono.wav")
    for name, wave in (("call", tones(440, 1250)), ("swapped", correlated(-0.9)), ("stereo", correlated(0.9))):
        record(f"corpus/{name}/{name}.wav", wave, subtype="FLOAT")
    dropped, counts = prepared(corpus.root, tmp_path / "out")
    assert dropped == {"call/call.wav": "channels that differ"}
    assert counts["2 channels: left, as they are opposite in phase"] == counts["2 channels: their mean"] == 1
    assert {u.id: u.channel for u in everything(tmp_path / "out") if u.channel} == {"swapped-swapped": "left"}
    for choice, hertz in (("right", 1250), ("left", 440)):
        assert prepared(corpus.root, tmp_path / choice, channel=choice)[0] == {}
        heard = {u.id: u for u in everything(tmp_path / choice)}
        assert heard["call-call"].channel == choice, "and for the others it decides nothing"
        assert (heard["stereo-stereo"].channel, heard["swapped-swapped"].channel) == ("", "left")
        assert round(pitch(heard["call-call"].audio())) == hertz
        for data in sets(tmp_path / choice).values():
            assert inspect(data.path, audio=True).problems == []


def test_both_sides_of_a_call_are_recordings_of_two_people_in_one_set(corpus, tmp_path, record):
    for s in range(4):
        corpus(f"{s}/mono.wav")
    record("corpus/call/call.wav", tones(440, 1250, 30.0), subtype="FLOAT")
    record("corpus/call/again.wav", tones(440, 1250), subtype="FLOAT")
    assert prepared(corpus.root, tmp_path / "out", channel="both", cut=CutConfig("fixed", 10.0))[0] == {}
    (home,) = [data for data in sets(tmp_path / "out").values() if any(u.channel for u in data)]
    sides = [u for u in home if u.channel]
    assert {u.speaker for u in sides} == {"call_A", "call_B"} and len(sides) == 8
    for u in sides:
        assert round(pitch(u.audio())) == {"left": 440, "right": 1250}[u.channel]
        assert ("-A" in u.id) == (u.channel == "left") and u.id.startswith(u.speaker)
    assert inspect(home.path, audio=True).problems == []
    (corpus.root / "t.tsv").write_text(f"{HEAD}call/call.wav\tمرحبا بكم يا أهل الخير\t\t\t\t\n", encoding="utf-8")
    config = FolderConfig(channel="both", keep_untranscribed=True)
    step = Step(config, [corpus.root], tmp_path / "texts", ["data.corpora.folder"])
    step.out.mkdir()
    prepare(step)
    ((id, _, reason, detail),) = step.ledger.rows  # a transcript is of no side alone
    assert (id, reason) == ("call/call.wav", "channels that differ") and detail.endswith("channel: left|right|mean")


def test_a_pause_is_where_the_side_that_is_read_pauses(corpus, tmp_path, record, make_noise):
    """The left side speaks for 8 s and again after 4 s; the right one is swapped, so that their mean is silence."""
    speech = np.where(np.abs(np.arange(320000) / 16000 - 10) < 2, 1e-5, 1) * make_noise(20, seed=3)
    record("corpus/swapped/swapped.wav", np.stack([speech, -speech], axis=1), subtype="FLOAT")
    for s in range(3):
        corpus(f"{s}/mono.wav")
    prepared(corpus.root, tmp_path / "out", cut=CutConfig("energy", 15.0))
    times = sorted((round(u.start), round(u.end)) for u in everything(tmp_path / "out") if u.channel)
    assert times == [(0, 8), (12, 20)]
