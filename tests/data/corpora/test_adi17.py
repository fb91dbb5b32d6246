"""ADI-17 in both of its layouts."""

import numpy as np
import pytest
from trees import adi17, record, speech, write_lines

from toolkit.core.record import read_ledger
from toolkit.data.audio import read_audio
from toolkit.data.corpora.adi17 import band_of
from toolkit.data.corpora.id_times import Span, in_hundredths

from .conftest import Prepared, prepare


@pytest.fixture(scope="module", params=["lists", "precut"])
def made(request, tmp_path_factory) -> Prepared:
    """The tree in one of its layouts, prepared."""
    folder = tmp_path_factory.mktemp("adi17")
    adi17.make(folder / "corpus", speech(), precut=request.param == "precut")
    return prepare("adi17", folder / "corpus", folder / "data")


def test_the_segments_of_the_lists_have_their_dialects_and_videos(made: Prepared) -> None:
    assert made.code == 0, made.output
    for part in ("dev", "test"):
        wanted = {
            adi17.id_of(video, start, end): (label, video)
            for video, label, spoken in adi17.cut(speech())[part]
            for start, end, _ in adi17.segments(spoken)
        }
        tables = made.set(f"adi17_{part}").tables
        ids = {
            original: (tables["utt2lang"][id], tables["utt2prog"][id]) for id, original in tables["utt2orig"].items()
        }
        assert ids == wanted
    assert "segments against" not in made.output and "against 8,955 published" in made.output
    assert set(made.set("adi17_train").tables["utt2lang"].values()) == {"ALG", "EGY", "UAE"}
    assert made.set("adi17_train").seconds > 60


def test_the_audio_of_a_segment_is_that_of_its_times(made: Prepared) -> None:
    test = made.set("adi17_test")
    original = test.tables["utt2orig"]
    waves = {
        adi17.id_of(video, start, end): wave_N
        for video, _, spoken in adi17.cut(speech())["test"]
        for start, end, wave_N in adi17.segments(spoken)
    }
    for u in test:
        assert np.abs(u.audio() - waves[original[u.id]]).max() < 1e-4
        assert len(read_audio(u.path, u.start, u.end)) == len(waves[original[u.id]])


def test_bands_are_those_of_the_public_scoring(made: Prepared) -> None:
    test = made.set("adi17_test")
    assert {u.id: band_of(u.seconds) for u in test} == test.tables["utt2band"]
    assert {"short", "medium"} <= set(test.tables["utt2band"].values())
    assert [band_of(s) for s in (0.4, 4.99, 5.0, 19.99, 20.0, 100.0)] == ["short"] * 2 + ["medium"] * 2 + ["long"] * 2


def test_what_a_list_names_and_nobody_has_is_in_the_ledger(made: Prepared) -> None:
    gone = "goneGONEgon_000100-000900"
    assert made.dropped.count((gone, "missing")) == 1  # of dev and test alike: one row where a row is the same
    if (made.corpus / "dev_segments").exists():
        assert ("strangeONES_000000-000200", "no label") in made.dropped


def test_a_video_in_two_sets_is_told(tmp_path) -> None:
    adi17.make(tmp_path / "corpus", speech())
    with open(tmp_path / "corpus/data/train/utt2lang", "a") as f:
        f.write("1KidT1HxOyI MOR\n")
    made = prepare("adi17", tmp_path / "corpus", tmp_path / "data")
    assert (
        made.code == 0
        and "1 of the 2 programmes of adi17_test are in adi17_train too, such as 1KidT1HxOyI" in made.output
    )


def test_lists_without_audio_and_broken_lists_are_clear_errors(tmp_path) -> None:
    corpus = tmp_path / "corpus"
    write_lines(corpus / "dev/utt2lang", "2XwBQJ7eHKs ALG")
    made = prepare("adi17", corpus, tmp_path / "data")
    assert made.code == 1 and "no recording in it" in made.output and "Traceback" not in made.output
    record(corpus / "2XwBQJ7eHKs.wav", speech()[0].wave_N)
    for name, text, message in (
        ("utt2lang", b"2XwBQJ7eHKs\n", "not `id label`"),
        ("utt2lang", "2XwBQJ7eHKs الجزائر\n".encode("cp1256"), "no UTF-8"),
        ("utt2lang", b"2XwBQJ7eHKs " + b"A" * (2 << 20), "more than 1 MiB"),
        ("segments", b"2XwBQJ7eHKs_000000-000100 2XwBQJ7eHKs 0 one\n", "not `id recording start end`"),
    ):
        write_lines(corpus / "dev/utt2lang", "2XwBQJ7eHKs ALG")
        (corpus / "dev" / name).write_bytes(text)
        made = prepare("adi17", corpus, tmp_path / "data")
        assert made.code == 1 and message in made.output and "Traceback" not in made.output, made.output


def test_a_label_that_is_no_country_of_the_corpus_and_a_path_for_an_id_are_ledger_rows(tmp_path) -> None:
    corpus = tmp_path / "corpus"
    write_lines(corpus / "dev/utt2lang", "2XwBQJ7eHKs ALG", "3XwBQJ7eHKs 4", "../../evil MOR", "4XwBQJ7eHKs TUN")
    for name in ("2XwBQJ7eHKs", "3XwBQJ7eHKs", "4XwBQJ7eHKs"):
        record(corpus / "wav" / f"{name}.wav", speech()[0].wave_N)
    record(tmp_path / "evil.wav", speech()[0].wave_N)
    made = prepare("adi17", corpus, tmp_path / "data")
    assert made.code == 0 and len(made.set("adi17_dev")) == 1
    assert sorted(made.dropped) == [
        ("../../evil", "missing"),
        ("3XwBQJ7eHKs", "no label"),
        ("4XwBQJ7eHKs", "no label"),
    ]


def test_ids_count_hundredths_of_a_second_and_a_video_is_no_segment() -> None:
    assert in_hundredths("2XwBQJ7eHKs_055962-056391") == Span("2XwBQJ7eHKs", 559.62, 563.91)
    assert in_hundredths("--zhvFBThyM_000027-001885") == Span("--zhvFBThyM", 0.27, 18.85)
    assert in_hundredths("AB_1234-567") is None and in_hundredths("2XwBQJ7eHKs") is None


@pytest.mark.parametrize("digits", [13, 400, 5000])
def test_times_of_too_many_digits_are_no_times(digits: int) -> None:
    assert in_hundredths("2XwBQJ7eHKs_000000-" + "9" * digits) is None


def test_a_label_line_of_more_or_fewer_than_two_words_costs_its_segment_and_not_the_corpus(tmp_path) -> None:
    corpus = tmp_path / "corpus"
    videos = ("2XwBQJ7eHKs", "3XwBQJ7eHKs", "4XwBQJ7eHKs", "5XwBQJ7eHKs")
    for video in videos:
        record(corpus / "wav" / f"{video}.wav", speech()[0].wave_N)
    ids = [f"{video}_{part}" for video in videos for part in ("000000-000100", "000100-000200")]
    write_lines(corpus / "dev/utt2lang", *(f"{video} ALG" for video in videos))
    labels = [f"{ids[0]} EGY", f"{ids[1]} EGY third", ids[2], f"{ids[3]}\t\u200fKSA", f"{ids[4]} EGY", f"{ids[4]} KSA"]
    write_lines(corpus / "dev_segments/utt2lang", *labels)
    segments = [f"{id} {id[:11]} {start}.00 {start + 1}.00" for id, start in zip(ids, (0, 1) * 4, strict=True)]
    segments[6] += " 5.00"
    write_lines(corpus / "dev/segments", *segments)
    made = prepare("adi17", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    tables = made.set("adi17_dev").tables
    dialects = {tables["utt2orig"][id]: label for id, label in tables["utt2lang"].items()}
    assert dialects == {ids[0]: "EGY", ids[3]: "KSA", ids[5]: "ALG", ids[7]: "ALG"}  # the last ones by their videos
    rows = [(id, reason) for id, reason in made.dropped if id in ids]
    assert rows == [(ids[1], "malformed row"), (ids[2], "malformed row"), (ids[4], "no label")]
    lines = [row for row in read_ledger(made.out / "dropped.tsv") if "/" in row[0]]
    assert [row[2] for row in lines] == ["malformed row", "malformed row", "malformed row", "duplicate id"]
    assert f"utt2lang, line 2: not `id label`: {ids[1]} EGY third" in [row[3] for row in lines]
