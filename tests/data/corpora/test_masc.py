"""MASC in its true layout, and subtitles as people write them."""

from collections import Counter
from pathlib import Path

import pytest
import soundfile
from trees import broken_tables, speech, write_lines
from trees.masc import GAP, write_audio

from toolkit.core.record import read_ledger
from toolkit.data.checks import inspect
from toolkit.data.corpora.masc import _ID as VIDEO_ID
from toolkit.data.corpora.sources import SourceError
from toolkit.data.corpora.spoken_cues import overlapping
from toolkit.data.corpora.vtt import Cue, read_cues, seconds_of

from .conftest import Prepared, prepare

SETS = [f"masc_{quality}_{part}" for quality in ("clean", "noisy") for part in ("train", "dev", "test")]


def texts_of(made: Prepared, name: str, video: str) -> list[str]:
    """Texts of a video's utterances in the order of time."""
    tables = made.set(name).tables
    return [tables["text"][id] for id in sorted(tables["text"]) if tables["utt2prog"][id].endswith(video)]


def test_every_cue_of_every_subset_is_an_utterance_of_its_video_and_channel(prepared) -> None:
    made = prepared("masc")
    assert made.code == 0, made.output
    clips = speech()
    for name in SETS:
        assert not inspect(made.out / name, audio=True).errors
    assert made.set("masc_clean_train").seconds > 60
    train = made.set("masc_clean_train").tables
    ids = [id for id, original in train["utt2orig"].items() if original.startswith("-Ab_0000000_")]
    assert [train["text"][id] for id in sorted(ids)] == [" ".join(clip.text.split()) for clip in clips[:3]]
    first = train["segments"][min(ids)].split()
    assert float(first[1]) == GAP and float(first[2]) == pytest.approx(GAP + clips[0].seconds, abs=1e-3)
    assert {train["utt2spk"][id] for id in ids} == {f"UC_{clips[0].speaker.replace('-', '_')}_x"}
    assert {train["utt2prog"][id] for id in ids} == {"Ab_0000000"}


def test_dialects_come_from_the_dialect_or_the_country(prepared) -> None:
    made = prepared("masc")
    known = {d for name in SETS for d in made.set(name).tables["utt2lang"].values()}
    assert known == {"GLF", "YEM", "ARA"}  # the tree's UAE says Gulf, its YEM only a country, others nothing
    assert "United Arab Emirates" in {c for n in SETS for c in made.set(n).tables.get("utt2country", {}).values()}


def test_tags_settings_notes_and_numbers_of_cues_are_no_text(prepared) -> None:
    made = prepared("masc")
    texts = texts_of(made, "masc_clean_train", "traps_clean_train")
    assert texts == [f"{' '.join(speech()[0].text.split())} & a < b\u200e", "أقل من ثانية"]


def test_dev_and_test_keep_what_training_sets_leave_out(prepared) -> None:
    made = prepared("masc")
    test, id = made.set("masc_clean_test").tables, "traps_clean_test"
    texts = texts_of(made, "masc_clean_test", id)
    assert texts[0] == "قصير" and set(texts[-2:]) == {"معًا", "وفي الوقت نفسه"} and len(texts) == 5
    assert sum(test["utt2overlap"][u] == "yes" for u in test["text"] if test["utt2prog"][u] == id) == 2
    assert "that overlap others, kept: 2" in made.output
    reasons = Counter(reason for original, reason in made.dropped if "clean_train" in original)
    wanted = {"no duration": 1, "cue without text": 1, "too short": 1, "past end": 1, "cue": 1, "overlap": 2}
    assert reasons == wanted
    reasons = Counter(reason for original, reason in made.dropped if "clean_test" in original)
    kept = ("too short", "overlap")
    assert reasons - Counter(["video of dev or test"]) == {r: n for r, n in wanted.items() if r not in kept}


def test_videos_of_test_rows_twice_bad_ids_and_missing_files_are_in_the_ledger(prepared) -> None:
    reasons = Counter(reason for _, reason in prepared("masc").dropped)
    assert {r: reasons[r] for r in ("video of dev or test", "duplicate row", "id", "missing")} == {
        "video of dev or test": 1,
        "duplicate row": 1,
        "id": 1,
        "missing": 1,
    }


def test_a_table_with_a_row_for_each_utterance_is_taken_at_its_word(make_tree, tmp_path) -> None:
    corpus = make_tree("masc", count=21)
    rows = ["video_id,start,end,text", '-Ab_0000000,0.5,1.25,"أولًا، ثانيًا"', "-Ab_0000000,1.25,2.0,ثالثًا"]
    rows += ["-Ab_0000000,nan,2.0,متى", "-Ab_0000000,soon,2.0,قريبًا"]
    (corpus / "subsets/clean_train.csv").write_text("\r\n".join(rows), encoding="utf-8-sig", newline="")
    made = prepare("masc", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    train = made.set("masc_clean_train").tables
    assert sorted(train["text"].values()) == ["أولًا، ثانيًا", "ثالثًا"]
    assert {s.split(" ", 1)[1] for s in train["segments"].values()} == {"0.5000 1.2500", "1.2500 2.0000"}
    assert {"no duration", "bad times"} <= {reason for _, reason in made.dropped}


def test_two_jobs_write_the_bytes_of_one(make_tree, tmp_path) -> None:
    corpus = make_tree("masc", count=21)
    one = prepare("masc", corpus, tmp_path / "one")
    two = prepare("masc", corpus, tmp_path / "two", nj=2)
    assert one.code == two.code == 0, one.output + two.output
    files = sorted(p.relative_to(one.out) for p in one.out.glob("masc_*/*"))
    assert files and all((one.out / p).read_bytes() == (two.out / p).read_bytes() for p in files)


def test_hostile_subtitles_and_recordings_cost_themselves(make_tree, tmp_path) -> None:
    corpus = make_tree("masc", count=42)
    at = corpus / "subtitles"
    ids = [f"-Ab_{i:07d}" for i in range(6)]
    (at / f"{ids[0]}.ar.vtt").write_bytes((at / f"{ids[0]}.ar.vtt").read_text().encode("utf-16"))
    vtt = (at / f"{ids[1]}.ar.vtt").read_bytes()
    (at / f"{ids[1]}.ar.vtt").write_bytes(vtt + b"\n00:30.000 --> 00:31.000\n" + "سلام".encode("cp1256") + b"\n")
    with open(at / f"{ids[3]}.ar.vtt", "ab") as f:
        f.write(b"\nNOTE " + b"x" * (2 << 20) + b"\n")
    secret = tmp_path / "secret.vtt"
    (at / f"{ids[2]}.ar.vtt").rename(secret)
    (at / f"{ids[2]}.ar.vtt").symlink_to(secret)
    (corpus / "audios" / f"{ids[4]}.wav").write_bytes(b"")
    wave, rate = soundfile.read(corpus / "audios" / f"{ids[5]}.wav")
    soundfile.write(corpus / "audios" / f"{ids[5]}.wav", wave[: len(wave) // 3], rate)
    made = prepare("masc", corpus, tmp_path / "data")
    assert made.code == 0 and "Traceback" not in made.output, made.output
    reasons = Counter(reason for _, reason in made.dropped)
    assert reasons["encoding"] == 2 and reasons["line too long"] == 1 and reasons["link out of the corpus"] == 1
    assert reasons["empty"] == 3 and reasons["past end"] >= 3


def test_a_subset_without_a_table_is_told_and_one_nobody_asks_for_is_not(make_tree, tmp_path) -> None:
    corpus = make_tree("masc", count=21)
    (corpus / "subsets/noisy_test_meta.csv").unlink()
    subsets = ("clean_train", "clean_test", "noisy_test")
    made = prepare("masc", corpus, tmp_path / "data", "--subsets", f"[{', '.join(subsets)}]")
    assert made.code == 0, made.output
    assert sorted(p.name for p in made.out.glob("masc_*")) == ["masc_clean_test", "masc_clean_train"]
    assert "masc_noisy_test: nothing of it is here" in made.output and "noisy_dev" not in made.output


def test_a_table_without_a_column_of_videos_is_an_error_that_names_it(make_tree, tmp_path) -> None:
    corpus = make_tree("masc", count=21)
    path = corpus / "subsets/clean_dev_meta.csv"
    path.write_text(path.read_text().replace("video_id", "clip"))
    made = prepare("masc", corpus, tmp_path / "data")
    assert made.code == 1 and "no column video_id" in made.output and "Traceback" not in made.output


@pytest.mark.parametrize(
    ("time", "seconds"),
    [("00:01.500", 1.5), ("01:02:03.004", 3723.004), ("100:00:00.000", 360000), ("0:05,25", 5.25), ("00:07", 7)],
)
def test_hours_are_optional_in_a_time(time: str, seconds: float) -> None:
    assert seconds_of(time) == seconds


@pytest.mark.parametrize("time", ["", "5", "00:60.000", "-00:01.000", "٠٠:٠١.٠٠٠", "00:01.0000"])
def test_what_is_no_time_is_refused(time: str) -> None:
    with pytest.raises(ValueError):
        seconds_of(time)


def test_cues_without_empty_lines_carriage_returns_and_a_mark_at_the_beginning_are_read(tmp_path: Path) -> None:
    lines = [
        "\ufeffWEBVTT",
        "00:00.500 --> 00:01.000",
        "آ",
        "",
        "1",
        "00:01.000-->00:02.000",
        "أ",
        "00:02.000 --> 00:03.000 line:0",
        "ب",
        "ج",
        "",
        "؟",
    ]
    (tmp_path / "a.vtt").write_bytes("\r\n".join(lines).encode())
    bad: list[SourceError] = []
    wanted = [Cue(2, 0.5, 1.0, "آ"), Cue(6, 1.0, 2.0, "أ"), Cue(8, 2.0, 3.0, "ب\nج")]
    assert list(read_cues(tmp_path / "a.vtt", bad.append)) == wanted[:2]
    assert [e.reason for e in bad] == ["cue", "part of a cue"]  # the last line may be the rest of the last cue


def test_a_cue_overlaps_every_cue_that_it_reaches_into() -> None:
    long, inside, beside, after = Cue(1, 0, 10, "أ"), Cue(2, 3, 4, "ب"), Cue(3, 9.95, 12, "ج"), Cue(4, 12, 13, "د")
    assert overlapping([long, inside, beside, after], 0.1) == {long, inside}
    assert overlapping([long, inside, beside, after], 0.0) == {long, inside, beside}


def test_the_tree_puts_its_clips_where_its_cues_say(tmp_path: Path) -> None:
    clips = speech()[:2]
    cues = write_audio(tmp_path / "a.wav", clips)
    assert cues[1].end == pytest.approx(soundfile.info(tmp_path / "a.wav").duration, abs=0.01)


def test_hours_of_hundreds_of_digits_and_ids_of_hundreds_of_letters_are_refused() -> None:
    with pytest.raises(ValueError, match="no time"):
        seconds_of("9" * 400 + ":00:00.000")
    assert VIDEO_ID.fullmatch("-Ab_0000003") and not VIDEO_ID.fullmatch("a" * 300)


def test_a_quotation_mark_that_none_closes_costs_its_own_video_alone(tmp_path) -> None:
    broken_tables.make_masc(tmp_path / "corpus")
    made = prepare("masc", tmp_path / "corpus", tmp_path / "data")
    assert made.code == 0, made.output
    test = made.set("masc_clean_test").tables
    channels = {test["utt2prog"][id]: speaker for id, speaker in test["utt2spk"].items()}
    assert channels == {"vid_b": "UC_b", "vid_c": "UC_c"} and len(test["text"]) == 6
    reasons = Counter(reason for _, reason in made.dropped)
    assert reasons.pop("Latin letters") == 3  # told of the words of these tables
    assert reasons == {"malformed row": 1, "video of dev or test": 1}  # vid_a is not trained on either
    assert set(made.set("masc_clean_train").tables["utt2prog"].values()) == {"vid_d"}
    assert set(made.set("masc_clean_train").tables["utt2spk"].values()) == {"UC_b"}  # a mark stands before it
    assert made.set("masc_clean_train").tables["spk2gender"] == {"UC_b": "m"}


def test_a_cue_of_several_lines_in_a_table_of_utterances_is_one_text(make_tree, tmp_path) -> None:
    corpus = make_tree("masc", count=21)
    rows = ["video_id,start,end,text", '-Ab_0000000,0.5,1.25,"أولًا', 'وثانيًا"', "-Ab_0000000,1.25,2.0,ثالثًا"]
    rows += ['-Ab_0000000,2.0,2.5,"رابعًا', "-Ab_0000000,2.5,3.0,خامسًا"]
    (corpus / "subsets/clean_train.csv").write_text("\r\n".join(rows), encoding="utf-8", newline="")
    made = prepare("masc", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    texts = sorted(made.set("masc_clean_train").tables["text"].values())
    assert texts == sorted(["أولًا وثانيًا", "ثالثًا", "خامسًا"])
    assert [id.rpartition(" ")[2] for id, reason in made.dropped if reason == "malformed row"] == ["5"]


def test_an_utterance_of_a_video_whose_own_row_is_malformed_is_not_used(make_tree, tmp_path) -> None:
    corpus = make_tree("masc", count=21)
    meta = corpus / "subsets/clean_dev_meta.csv"
    lines = meta.read_text(encoding="utf-8").splitlines()
    video = lines[1].partition(",")[0]
    meta.write_text("\n".join([lines[0], lines[1] + ",1", "vid_x,b,c,UC,e,f,g,1.0"]), encoding="utf-8")
    (corpus / "subsets/clean_dev.csv").write_text(f"video_id,start,end,text\n{video},0.5,1.0,نعم\n", encoding="utf-8")
    made = prepare("masc", corpus, tmp_path / "data")
    assert made.code == 1 and not (made.out / "masc_clean_dev").exists()
    assert "masc_clean_dev: none of its 3 rows can be used: 2 malformed row" in made.output, made.output


@pytest.mark.parametrize("written", ["\u200fvid_a,{}", '"vid_a,{}', "\u200fvid_a,{},more"])
def test_a_test_video_is_not_trained_on_however_its_id_is_written(tmp_path, written: str) -> None:
    broken_tables.make_masc(tmp_path / "corpus")
    table = tmp_path / "corpus/subsets/clean_test_meta.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("vid_a,"))
    rest = lines[at].removeprefix("vid_a,").replace('"', "")
    table.write_text("\n".join([*lines[:at], written.format(rest), *lines[at + 1 :]]) + "\n", encoding="utf-8")
    made = prepare("masc", tmp_path / "corpus", tmp_path / "data")
    assert made.code == 0, made.output
    assert set(made.set("masc_clean_train").tables["utt2prog"].values()) == {"vid_d"}


def test_captions_without_speech_are_rows_of_the_ledger_and_marks_leave_the_others(tmp_path) -> None:
    broken_tables.make_masc(tmp_path / "corpus")
    lines = ["WEBVTT", ""]
    captions = [
        "[موسيقى]",
        "♪ يا ليل يا عين ♪",
        "&gt;&gt; المذيع: أهلًا بكم",
        "{\\an8}<i>- كيف حالك؟\n- (تصفيق) بخير</i>",
        "قال (نعم) ثم [12] مرة",
        "<c></c>",
        "(applause)",
    ]
    for i, caption in enumerate(captions):
        lines += [f"00:0{i // 2}.{i % 2 * 5}00 --> 00:0{(i + 1) // 2}.{(i + 1) % 2 * 5}00", caption, ""]
    lines += ["00:00.900 --> 00:02.400", "♪"]  # no words are said at once with those of others
    write_lines(tmp_path / "corpus/subtitles/vid_d.ar.vtt", *lines)
    made = prepare("masc", tmp_path / "corpus", tmp_path / "data", "--take.max-letters-per-second", "100")
    assert made.code == 0, made.output
    train = made.set("masc_clean_train").tables
    texts = {train["segments"][id].split()[1]: text for id, text in train["text"].items()}
    assert texts == {"1.0000": "أهلًا بكم", "1.5000": "كيف حالك؟ بخير", "2.0000": "قال (نعم) ثم [12] مرة"}
    rows = {id: (reason, detail) for id, _, reason, detail in read_ledger(made.out / "dropped.tsv") if "vid_d_" in id}
    reasons = {int(id.split("_")[2].split("-")[0]): reason for id, (reason, _) in rows.items()}
    assert reasons == {0: "no speech", 500: "no speech", 900: "no speech", 2500: "cue without text", 3000: "no speech"}
    assert rows["vid_d_00000000-00000500"][1] == "line 3: [موسيقى]"


def test_numbers_of_both_test_sets_other_than_the_leaderboards_are_warned_of_in_one_line_each(prepared) -> None:
    made = prepared("masc")
    assert made.code == 0
    warnings = [line for line in made.output.splitlines() if "published" in line]
    counts = {name: len(made.set(f"masc_{name}_test")) for name in ("clean", "noisy")}
    assert warnings == [
        f"WARNING: masc_clean_test: {counts['clean']} utterances against 8,612 published: {counts['clean'] - 8612:+,}",
        f"WARNING: masc_noisy_test: {counts['noisy']} utterances against 9,394 published: {counts['noisy'] - 9394:+,}",
    ]


def test_captions_that_leave_words_out_are_not_trained_on_and_those_of_test_stay_as_they_are(tmp_path) -> None:
    broken_tables.make_masc(tmp_path / "corpus")
    captions = ["قال لي [غير مسموع] ثم ذهب", "نعم", "نعم", "(باب يُغلق)"]
    times = ["00.000 --> 00:00.500", "00.500 --> 00:01.000", "00.500 --> 00:01.000", "01.000 --> 00:01.500"]
    lines = [line for pair in zip(times, captions) for line in (f"00:{pair[0]}", pair[1], "")]
    for video in ("vid_c", "vid_d"):  # of test and of train
        write_lines(tmp_path / f"corpus/subtitles/{video}.ar.vtt", "WEBVTT", "", *lines)
    (tmp_path / "corpus/subsets/noisy_train.csv").write_text("video_id,start_time,end_time,sentence\nx,0,1,نعم\n")
    made = prepare("masc", tmp_path / "corpus", tmp_path / "data", "--take.max-letters-per-second", "100")
    assert made.code == 0, made.output
    assert texts_of(made, "masc_clean_test", "vid_c") == [captions[0], *captions[2:]]
    assert texts_of(made, "masc_clean_train", "vid_d") == captions[2:]
    assert "vid_c_00000000-00000500: words not understood: [غير مسموع]" in made.output
    assert "2 captions in round brackets stay" in made.output
    assert "noisy_train.csv: not read: end_time, sentence, start_time; columns of utterances are start" in made.output
    rows = {id: (reason, detail) for id, _, reason, detail in read_ledger(made.out / "dropped.tsv")}
    assert rows["vid_d_00000000-00000500"] == ("words not understood", f"line 3: {captions[0]}")
    assert (
        rows["vid_c"]
        == rows["vid_d"]
        == (
            "caption twice",
            "1 cues are written twice, each is one; first: line 9: نعم",
        )
    )


def test_words_in_brackets_of_which_nobody_can_tell_whether_they_are_said_are_not_trained_on(tmp_path) -> None:
    broken_tables.make_masc(tmp_path / "corpus")
    captions = ["[لقد] ذهبت إلى السوق", "[باب يغلق]\nمن هناك؟", "[ال]كتاب هنا", "[foreign]"]
    lines = [line for i, text in enumerate(captions) for line in (f"00:0{i}.000 --> 00:0{i}.900", text, "")]
    for video in ("vid_c", "vid_d"):  # of test and of train
        write_lines(tmp_path / f"corpus/subtitles/{video}.ar.vtt", "WEBVTT", "", *lines)
    made = prepare("masc", tmp_path / "corpus", tmp_path / "data", "--take.max-letters-per-second", "100")
    assert made.code == 0, made.output
    spoken = ["من هناك؟", "الكتاب هنا"]
    assert texts_of(made, "masc_clean_test", "vid_c") == [captions[0], *spoken]
    assert texts_of(made, "masc_clean_train", "vid_d") == spoken
    assert "vid_c_00000000-00000900: brackets before speech: [لقد]" in made.output
    rows = {id: (reason, detail) for id, _, reason, detail in read_ledger(made.out / "dropped.tsv")}
    assert rows["vid_d_00000000-00000900"] == ("brackets before speech", f"line 3: {captions[0]}")
    assert rows["vid_d_00003000-00003900"] == ("words not understood", "line 13: [foreign]")
    detail = "1 cues lose a whole line in brackets; first: line 6: [باب يغلق]"
    assert rows["vid_c"] == rows["vid_d"] == ("line in brackets", detail)
