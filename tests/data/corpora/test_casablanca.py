"""Casablanca in its true layout: parquet files with embedded audio."""

import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pyarrow.parquet
import pytest
from trees import speech
from trees.casablanca import encoded, make

from toolkit.data.audio import read_audio
from toolkit.data.corpora.casablanca import CasablancaConfig, programme_of, programmes_of, read_split
from toolkit.data.corpora.parquet import ending_of

from .conftest import Prepared, prepare


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Prepared:
    """Two dialects, prepared."""
    folder = tmp_path_factory.mktemp("casablanca")
    make(folder / "corpus", speech())
    return prepare("casablanca", folder / "corpus", folder / "data")


def test_every_dialect_gets_sets_of_its_own_and_none_is_lost(made: Prepared) -> None:
    assert made.code == 0, made.output
    for code in ("ALG", "YEM"):
        sets = {part: made.set(f"casablanca_{code.lower()}_{part}") for part in ("train", "dev", "test")}
        assert len(sets["test"]) == 12 - 3 and len(sets["train"]) + len(sets["dev"]) == 36 - 3
        assert all(set(s.tables["utt2lang"].values()) == {code} for s in sets.values())
        assert sets["train"].seconds > 60
        assert any(text.endswith("،") for text in sets["test"].tables["text"].values())
    assert "no public training set" in made.output and "each utterance has one of its own" in made.output
    assert "casablanca_alg_test: 9 utterances against 843 published" in made.output


def test_no_programme_is_in_both_train_and_dev(made: Prepared) -> None:
    train, dev = (set(made.set(f"casablanca_alg_{p}").tables["utt2prog"].values()) for p in ("train", "dev"))
    assert train and dev and not train & dev and train | dev == {f"ALG-serie_{letter}" for letter in "abcd"}


def test_rows_without_usable_audio_are_in_the_ledger(made: Prepared) -> None:
    reasons = Counter(reason for _, reason in made.dropped)
    assert reasons == {"unreadable": 8, "no audio": 4}  # of two dialects, two splits


def test_the_written_audio_is_the_embedded_one_byte_by_byte(made: Prepared) -> None:
    wanted = {hashlib.sha256(encoded(clip)).digest() for clip in speech()}
    wavs = [
        u for part in ("train", "dev", "test") for u in made.set(f"casablanca_alg_{part}") if u.path.endswith(".wav")
    ]
    assert wavs and all(hashlib.sha256(open(u.path, "rb").read()).digest() in wanted for u in wavs)
    waves = {clip.text: clip.wave_N for clip in speech()}
    test = made.set("casablanca_alg_test")
    flacs = [u for u in test if u.path.endswith(".flac")]
    for u in flacs:
        wave_N = waves[test.tables["text"][u.id].rstrip("،")]
        assert np.abs(read_audio(u.path) - wave_N).max() < 2e-4
    assert flacs


@pytest.mark.parametrize("name", ["ALG", "الجزائر"])
def test_one_dialect_alone_has_the_names_that_the_recipes_call(made: Prepared, tmp_path, name: str) -> None:
    one = prepare("casablanca", made.corpus, tmp_path / "data", "--dialect", name)
    assert one.code == 0, one.output
    assert {"train", "dev", "test"} <= {p.name for p in one.out.iterdir()}
    assert set(one.set("test").tables["utt2lang"].values()) == {"ALG"}
    assert [p.name for p in (one.out / "audio").iterdir()] == ["ALG"]
    for part in ("train", "dev", "test"):
        assert one.set(part).tables["text"] == made.set(f"casablanca_alg_{part}").tables["text"]


def test_all_dialects_together_are_the_sets_of_each_put_together(made: Prepared, tmp_path) -> None:
    together = prepare("casablanca", made.corpus, tmp_path / "data", "--together", "true")
    assert together.code == 0, together.output
    assert {p.name for p in together.out.iterdir() if (p / "wav.scp").is_file()} == {
        f"casablanca_{part}" for part in ("train", "dev", "test")
    }
    for part in ("train", "dev", "test"):
        each = [made.set(f"casablanca_{code}_{part}").tables["text"] for code in ("alg", "yem")]
        assert together.set(f"casablanca_{part}").tables["text"] == {**each[0], **each[1]}


def test_a_link_out_of_the_corpus_is_followed_only_where_asked_for(made: Prepared, tmp_path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/Algeria").symlink_to(made.corpus / "Algeria")
    refused = prepare("casablanca", tmp_path / "corpus", tmp_path / "data")
    assert refused.code == 1 and "link out of the corpus" in refused.output and "Traceback" not in refused.output
    taken = prepare("casablanca", tmp_path / "corpus", tmp_path / "data", "--take.follow_links", "true")
    assert taken.code == 0 and len(taken.set("casablanca_alg_test")) == 9, taken.output


def test_two_jobs_make_the_bytes_that_one_makes(made: Prepared, tmp_path) -> None:
    aside = made.out.rename(tmp_path / "one")
    try:
        two = prepare("casablanca", made.corpus, made.out, nj=2)
        assert two.code == 0, two.output
        files = [p.relative_to(aside) for p in aside.rglob("*") if p.is_file() and p.parent.name != "log"]
        assert len(files) > 100
        for file in files:
            if file.name not in ("times.json", ".lock"):
                assert (aside / file).read_bytes() == (two.out / file).read_bytes(), file
    finally:
        shutil.rmtree(made.out, ignore_errors=True)
        aside.rename(made.out)


def test_the_converted_layout_and_a_folder_data_are_read_too(make_tree, tmp_path) -> None:
    corpus = make_tree("casablanca", ("Egypt",))
    folder = tmp_path / "other/data/Egypt"
    for split in ("validation", "test"):
        (folder / split).mkdir(parents=True)
        (corpus / "Egypt" / f"{split}-00000-of-00001.parquet").rename(folder / split / "0000.parquet")
    made = prepare("casablanca", tmp_path / "other", tmp_path / "data")
    assert made.code == 0 and len(made.set("casablanca_egy_test")) == 9, made.output


def test_numbers_for_ids_tell_of_no_programme_and_the_run_says_so(make_tree, tmp_path) -> None:
    corpus = make_tree("casablanca", ("Jordan",), ids="{number}")
    made = prepare("casablanca", corpus, tmp_path / "data")
    assert made.code == 0 and "JOR: seg_id tells of no programmes" in made.output
    dev, train = len(made.set("casablanca_jor_dev")), len(made.set("casablanca_jor_train"))
    assert dev + train == 33 and dev >= 3
    assert "utt2prog" not in made.set("casablanca_jor_dev").tables


def test_one_id_for_all_rows_and_one_that_would_leave_its_folder_lose_no_row(make_tree, tmp_path) -> None:
    corpus = make_tree("casablanca", ("UAE",), ids="../../evil")
    made = prepare("casablanca", corpus, tmp_path / "data")
    assert made.code == 0 and len(made.set("casablanca_uae_test")) == 9, made.output
    assert not list(tmp_path.glob("evil*")) and not list(tmp_path.parent.glob("evil*"))


def test_a_damaged_file_a_file_of_another_kind_and_a_missing_dialect_are_clear_errors(make_tree, tmp_path) -> None:
    corpus = make_tree("casablanca", ("Algeria",))
    made = prepare("casablanca", corpus, tmp_path / "data", "--dialect", "YEM")
    assert made.code == 1 and "Yemen is not here" in made.output and "Traceback" not in made.output
    (corpus / "Algeria/validation-00000-of-00001.parquet").unlink()
    made = prepare("casablanca", corpus, tmp_path / "test")
    assert made.code == 0 and "WARNING: Algeria: only one of its two splits is here" in made.output
    made = prepare("casablanca", corpus, tmp_path / "data", "--dialect", "Klingon")
    assert made.code == 1 and "is none of ALG" in made.output and "Traceback" not in made.output
    file = corpus / "Algeria/test-00000-of-00001.parquet"
    for bytes in (file.read_bytes()[:-20], b"", b"id\ttext\n"):
        file.write_bytes(bytes)
        made = prepare("casablanca", corpus, tmp_path / "data")
        assert made.code == 1 and "no readable parquet file" in made.output and "Traceback" not in made.output
        assert str(file) in made.output


def test_every_row_of_a_damaged_row_group_is_in_the_ledger_and_the_others_are_kept(made: Prepared, tmp_path) -> None:
    shutil.copytree(made.corpus / "Yemen", tmp_path / "corpus/Yemen")
    file = tmp_path / "corpus/Yemen/test-00000-of-00001.parquet"
    group = pyarrow.parquet.ParquetFile(file).metadata.row_group(1)  # rows 5 to 9 of 12
    at = next(
        group.column(i).data_page_offset
        for i in range(group.num_columns)
        if group.column(i).path_in_schema == "transcription"
    )
    data = bytearray(file.read_bytes())
    data[at : at + 64] = bytes(64)
    file.write_bytes(data)
    again = prepare("casablanca", tmp_path / "corpus", tmp_path / "data")
    assert again.code == 0 and len(again.set("casablanca_yem_test")) == 12 - 3 - 5, again.output
    damaged = sorted(id for id, reason in again.dropped if reason == "parquet")
    assert damaged == [f"YEM-test-serie_{'xyz'[i % 3]}_seg_{i}" for i in (6, 9, 7, 5, 8)]


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(made: Prepared, tmp_path) -> None:
    out = tmp_path / "data"
    command = [sys.executable, "-m", "toolkit.data.corpora.casablanca", "--in", str(made.corpus), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(out.glob("audio/*/*"))) < 20:
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (out / "casablanca_alg_train").exists()
    again = prepare("casablanca", made.corpus, out)
    assert again.code == 0, again.output
    files = [p.relative_to(made.out) for p in made.out.rglob("*") if p.is_file() and p.parent.name != "log"]
    for file in files:
        if file.name not in ("times.json", "record.json", "dropped.tsv", "wav.scp", ".lock"):  # these name the folder
            assert (made.out / file).read_bytes() == (out / file).read_bytes(), file
    assert not list(out.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("seg_id", "programme"),
    [("serie_1_seg_12", "serie_1"), ("yCfWAGx6aTw-162", "yCfWAGx6aTw"), ("P9z_12.50_14.75", "P9z"), ("17", "")],
)
def test_a_programme_is_what_stands_before_the_number_or_the_times(seg_id: str, programme: str) -> None:
    assert programme_of(seg_id) == programme


def test_programmes_are_believed_only_where_some_share_one() -> None:
    assert programmes_of(["a_1", "a_2", "b_1"]) == ["a", "a", "b"]
    assert programmes_of(["a_1", "b_1", "c_1"]) == programmes_of(["a_1", "a_2", "a_3"]) == ["", "", ""]


def test_formats_are_told_by_their_first_bytes() -> None:
    clip = speech()[0]
    assert [ending_of(encoded(clip, kind)) for kind in ("WAV", "FLAC", "OGG", "MP3")] == [
        ".wav",
        ".flac",
        ".ogg",
        ".mp3",
    ]
    assert ending_of(b"") == ending_of(b"RIFF1234AVI ") == ending_of(b"\xff") == ""


def replaced(file, **columns) -> None:
    """Put other columns into a parquet file."""
    table = pyarrow.parquet.read_table(file)
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pyarrow.parquet.write_table(table, file)


def test_an_id_that_looks_like_that_of_a_repeated_one_takes_nobodys_recording(tmp_path) -> None:
    make(tmp_path / "corpus", speech())
    file = next((tmp_path / "corpus").glob("Algeria/test*.parquet"))
    ids = pyarrow.parquet.read_table(file)["seg_id"].to_pylist()
    replaced(file, seg_id=pyarrow.array(["X", "X", "X-row-000001", *ids[3:]]))
    split = read_split(tmp_path / "corpus", "Algeria", "test", CasablancaConfig())
    assert split and len(set(split.names)) == len(ids)


def test_transcripts_that_are_bytes_or_no_utf_8_are_rows_of_the_ledger(tmp_path) -> None:
    make(tmp_path / "corpus", speech())

    def spoilt(dialect: str, as_text: bool) -> None:
        file = next((tmp_path / "corpus").glob(f"{dialect}/test*.parquet"))
        texts = pyarrow.parquet.read_table(file)["transcription"].to_pylist()
        raw = pyarrow.array([b"ok", *(text.encode("cp1256", "ignore") for text in texts[1:])], pyarrow.binary())
        new = pyarrow.Array.from_buffers(pyarrow.string(), len(raw), raw.buffers()) if as_text else raw
        replaced(file, transcription=new)

    spoilt("Yemen", as_text=True)
    done = prepare("casablanca", tmp_path / "corpus", tmp_path / "data")
    assert done.code == 0 and "Traceback" not in done.output, done.output
    assert Counter((id[:8], reason) for id, reason in done.dropped)["YEM-test", "encoding"] > 8
    spoilt("Algeria", as_text=False)
    done = prepare("casablanca", tmp_path / "corpus", tmp_path / "again")
    assert done.code == 1 and "Traceback" not in done.output, done.output
    assert re.search(r"casablanca_alg_test: none of its \d+ rows can be used: \d+ columns, such as", done.output)


def test_another_corpus_is_refused_by_a_few_of_the_names_that_are_wanted(tmp_path) -> None:
    (tmp_path / "mgb2/train").mkdir(parents=True)
    again = prepare("casablanca", tmp_path / "mgb2", tmp_path / "data")
    assert again.code == 1 and "this one has train" in again.output and "Traceback" not in again.output
    assert "Algeria/validation*" in again.output and "26 like them" in again.output, (
        "8 dialects, 2 splits, 2 places: 32"
    )
