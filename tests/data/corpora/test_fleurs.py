"""FLEURS in its true layout, packed and extracted."""

import gzip
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from trees import write_lines
from trees.broken_tables import break_field
from trees.fleurs import OPEN_QUOTE, QUOTED, add, row

from toolkit.core.errors import UserError
from toolkit.core.files import TEMPORARY
from toolkit.core.record import read_ledger
from toolkit.data.checks import inspect
from toolkit.data.corpora import archives
from toolkit.data.corpora.archives import copy_out

from .conftest import prepare

PARTS = ("train", "dev", "test")


def lines(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line]


def test_the_first_row_is_an_utterance_and_quotation_marks_are_text(prepared) -> None:
    made = prepared("fleurs")
    assert made.code == 0, made.output
    train = made.set("fleurs_train").tables
    first = lines(made.corpus / "data/ar_eg/train.tsv")[0][1].removesuffix(".wav")
    assert train["text"][first] == QUOTED and OPEN_QUOTE in train["text"].values()
    assert train["text_normalised"][first] == "قال لن أعود في عام ١٩٩٨"
    assert made.set("fleurs_train").seconds > 60
    for part in PARTS:
        assert not inspect(made.out / f"fleurs_{part}", audio=True).errors


def test_every_row_of_dev_and_test_is_there_with_its_sentence_and_gender(prepared) -> None:
    made = prepared("fleurs")
    for part in ("dev", "test"):
        tables, rows = made.set(f"fleurs_{part}").tables, lines(made.corpus / f"data/ar_eg/{part}.tsv")
        assert tables["utt2orig"] == {name[:-4]: name[:-4] for _, name, *_ in rows}
        assert tables["utt2prog"] == {name[:-4]: id for id, name, *_ in rows}
        assert tables["spk2gender"] == {r[1][:-4]: {"MALE": "m", "FEMALE": "f"}[r[6]] for r in rows}
        assert set(tables["utt2lang"].values()) == {"MSA"}
    train = made.set("fleurs_train").tables
    assert Counter(train["utt2prog"].values())["3"] == 3  # three people read it
    assert all(id == speaker for id, speaker in train["utt2spk"].items())
    assert "names no speakers" in made.output


def test_what_is_left_out_is_in_the_ledger_with_its_reason(prepared) -> None:
    reasons = Counter(reason for _, reason in prepared("fleurs").dropped)
    wanted = {"duplicate path": 1, "missing": 1, "recording of test": 1, "unusable name": 1, "not in the table": 3}
    assert reasons == wanted


def test_archives_folders_and_two_jobs_give_one_corpus(make_tree, tmp_path) -> None:
    packed = make_tree("fleurs")
    one = prepare("fleurs", packed, tmp_path / "one")
    two = prepare("fleurs", packed / "data" / "ar_eg", tmp_path / "two", nj=2)
    shutil.rmtree(packed)
    folders = prepare("fleurs", make_tree("fleurs", False), tmp_path / "three")
    assert one.code == two.code == folders.code == 0, one.output + two.output + folders.output
    for part in PARTS:
        for table in (one.out / f"fleurs_{part}").iterdir():
            content = table.read_bytes()
            assert (two.out / f"fleurs_{part}" / table.name).read_bytes().replace(b"/two/", b"/one/") == content
            if table.name != "wav.scp":
                assert (folders.out / f"fleurs_{part}" / table.name).read_bytes() == content
    assert not (folders.out / "audio").exists()


def test_a_relative_output_named_as_a_folder_of_the_corpus_finds_the_corpus(make_tree, tmp_path, monkeypatch) -> None:
    corpus = make_tree("fleurs", False, count=12)
    (corpus / "data" / "ar_eg").rename(tmp_path / "ar_eg")
    monkeypatch.chdir(tmp_path)
    made = prepare("fleurs", Path("ar_eg"), Path("audio"))
    assert made.code == 0, made.output
    assert all(path.startswith("ar_eg/audio/") for path in made.set("fleurs_test").tables["wav.scp"].values())


def test_a_half_extracted_folder_beside_its_archive_is_not_believed(make_tree, tmp_path) -> None:
    corpus = make_tree("fleurs", count=12)
    at = corpus / "data/ar_eg"
    (at / "audio/test").mkdir()
    made = prepare("fleurs", corpus, tmp_path / "data")
    assert made.code == 0 and len(made.set("fleurs_test")) == len(lines(at / "test.tsv"))


def test_a_header_of_somebodys_own_is_a_row_of_the_ledger_and_bad_rows_cost_themselves(make_tree, tmp_path) -> None:
    corpus = make_tree("fleurs", False, count=12)
    at = corpus / "data/ar_eg"
    before = len(lines(at / "test.tsv"))
    name = lines(at / "test.tsv")[0][1]
    test = (at / "test.tsv").read_bytes()
    head = "\ufeffid\tfile_name\traw_transcription\ttranscription\tcharacters\tnum_samples\tgender\r\n".encode()
    more = [b"1\t" + b"x" * (2 << 20), "5\tb.wav\tسلام".encode("cp1256"), b"1\t2\t3\t4\t5\t6\t7\t8"]
    (at / "test.tsv").write_bytes(head + test.replace(b"\n", b"\r\n") + b"\n".join(more) + b"\n")
    (at / "audio/test" / name).write_bytes(b"RIFF")
    made = prepare("fleurs", corpus, tmp_path / "data")
    assert made.code == 0 and "Traceback" not in made.output, made.output
    assert len(made.set("fleurs_test")) == before - 1
    reasons = Counter(reason for _, reason in made.dropped)
    wanted = {"malformed row": 2, "line too long": 1, "encoding": 1, "unreadable": 1}
    assert {reason: reasons[reason] for reason in wanted} == wanted


def test_an_empty_sentence_stays_in_test_and_leaves_train(make_tree, tmp_path) -> None:
    corpus = make_tree("fleurs", False, count=12)
    for part in ("train", "test"):
        path = corpus / f"data/ar_eg/{part}.tsv"
        rows = lines(path)
        path.write_text("".join("\t".join([*r[:2], "" if i == 1 else r[2], *r[3:]]) + "\n" for i, r in enumerate(rows)))
    made = prepare("fleurs", corpus, tmp_path / "data")
    assert "" in made.set("fleurs_test").tables["text"].values()
    assert "no transcript" in {reason for _, reason in made.dropped}
    assert all(made.set("fleurs_train").tables["text"].values())


@pytest.mark.parametrize("spoil", ["cut", "other", "gone"])
def test_a_broken_archive_is_an_error_with_its_name(make_tree, tmp_path, spoil) -> None:
    corpus = make_tree("fleurs", count=12)
    archive = corpus / "data/ar_eg/audio/dev.tar.gz"
    if spoil == "cut":
        archive.write_bytes(archive.read_bytes()[:-2000])
    elif spoil == "other":
        archive.write_bytes(b"not an archive" * 100)
    else:
        archive.unlink()
    made = prepare("fleurs", corpus, tmp_path / "data")
    assert made.code == 1 and "dev.tar.gz" in made.output and "Traceback" not in made.output


def test_nothing_but_expected_files_comes_out_of_an_archive(tmp_path) -> None:
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"mine")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        add(tar, "dev/1.wav", b"first")
        add(tar, "dev/1.wav", b"again")
        add(tar, "../outside.wav", b"theirs")
        add(tar, str(outside), b"theirs")
        add(tar, "dev/2.wav", b"", type=tarfile.SYMTYPE, linkname=str(outside))
        add(tar, "dev/3.wav", b"", type=tarfile.LNKTYPE, linkname="dev/1.wav")
        add(tar, "dev/4.wav", b"", type=tarfile.FIFOTYPE)
        add(tar, "dev/5.wav", b"", type=tarfile.CHRTYPE)
        add(tar, "dev/run.sh", b"rm")
        add(tar, "6.wav", b"last")
    wanted = frozenset(("outside.wav", *(f"{i}.wav" for i in range(1, 7))))
    refused = copy_out(tmp_path / "a.tar.gz", wanted, tmp_path / "out")
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == {"1.wav": b"first", "6.wav": b"last"}
    assert outside.read_bytes() == b"mine"
    assert Counter(reason for _, reason, _ in refused) == {
        "path leaves the archive": 2,
        "no file in the archive": 4,
        "duplicate in the archive": 1,
        "not in the table": 1,
    }


def test_an_archive_that_would_fill_the_disk_or_the_memory_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(archives, "LARGEST_FILE", 1 << 16)
    with tarfile.open(tmp_path / "large.tar.gz", "w:gz") as tar:
        add(tar, "1.wav", bytes(1 << 17))
        add(tar, "2.wav", b"small")
    refused = copy_out(tmp_path / "large.tar.gz", {"1.wav", "2.wav"}, tmp_path / "out")
    assert [(name, reason) for name, reason, _ in refused] == [("1.wav", "too large")]
    monkeypatch.setattr(archives, "LARGEST_ARCHIVE", 1 << 16)
    with pytest.raises(UserError, match="more than 0 GiB"):
        copy_out(tmp_path / "large.tar.gz", {"2.wav"}, tmp_path / "out")
    with tarfile.open(
        tmp_path / "header.tar", "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * (1 << 17)}
    ):
        pass
    with pytest.raises(UserError, match="broken archive: a header of"):
        copy_out(tmp_path / "header.tar", {"1.wav"}, tmp_path / "out")


def test_what_a_killed_copying_left_is_cleared_and_a_second_copying_gives_the_same(tmp_path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "dev/1.wav", b"whole")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "1.wav").write_bytes(b"old")
    (tmp_path / "out" / f"1.wav.x{TEMPORARY}").write_bytes(b"who")
    assert not copy_out(tmp_path / "a.tar", {"1.wav"}, tmp_path / "out")
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == {"1.wav": b"whole"}


def test_an_archive_with_a_wrong_byte_is_refused(tmp_path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "1.wav", b"x" * 3000)
    data = bytearray(gzip.compress((tmp_path / "a.tar").read_bytes()))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.tar.gz").write_bytes(data)
    with pytest.raises(UserError, match="broken archive"):
        copy_out(tmp_path / "a.tar.gz", {"1.wav"}, tmp_path / "out")


def test_the_rows_of_the_tree_have_the_seven_columns_of_the_corpus() -> None:
    assert len(row(1, "a.wav", QUOTED, 16000, "m").split("\t")) == 7


@pytest.mark.parametrize(
    "record",
    [
        "GNU.sparse.map=a,b,c",
        "GNU.sparse.map=0,1\nGNU.sparse.size=x",
        "GNU.sparse.major=1\nGNU.sparse.minor=0",
        "9" * 5000,
    ],
    ids=["map", "size", "version", "length"],
)
def test_a_header_of_an_archive_that_makes_no_sense_is_a_broken_archive(tmp_path, record: str) -> None:
    records = b"".join(f"{len(line) + 4:d} {line}\n".encode() for line in record.split("\n") if "=" in line)
    body = records or f"{record} a=b\n".encode()
    header = tarfile.TarInfo("h")
    header.type, header.size = tarfile.XHDTYPE, len(body)
    member = tarfile.TarInfo("1.wav")
    member.size = 10
    blocks = body.ljust(-(-len(body) // 512) * 512, b"\0")
    (tmp_path / "a.tar").write_bytes(header.tobuf() + blocks + member.tobuf() + b"x" * 512 + bytes(1024))
    with pytest.raises(UserError, match="a broken archive"):
        copy_out(tmp_path / "a.tar", {"1.wav"}, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_malformed_row_costs_itself_and_its_recording_is_in_no_earlier_part_either(make_tree, tmp_path) -> None:
    corpus = make_tree("fleurs", False, count=24)
    at = corpus / "data/ar_eg"
    test, train = lines(at / "test.tsv"), lines(at / "train.tsv")
    first, second = break_field(at / "test.tsv", 2, 2)
    with open(at / "test.tsv", "a", encoding="utf-8") as f:
        f.write(f"7\t{train[3][1]}\tنص\n")  # three of seven fields, and a recording of train
    made = prepare("fleurs", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    rows = [row[3] for row in read_ledger(made.out / "dropped.tsv") if row[2] == "malformed row"]
    assert [row.partition(": ")[0] for row in rows] == [f"test.tsv, line {n}" for n in (first, second, len(test) + 2)]
    assert set(made.set("fleurs_test").tables["utt2orig"].values()) == {
        row[1].removesuffix(".wav") for i, row in enumerate(test, 1) if i != 2
    }
    assert train[3][1].removesuffix(".wav") not in made.set("fleurs_train").tables["utt2orig"].values()


def test_a_number_of_samples_that_is_none_costs_a_training_row_and_is_warned_of_in_test(make_tree, tmp_path) -> None:
    corpus = make_tree("fleurs", count=10, archives=False)
    wrong = {"train": ("57,600", 2), "test": ("-5", 1)}
    names = {}
    for part, (samples, line) in wrong.items():
        path = corpus / f"data/ar_eg/{part}.tsv"
        rows = [row.split("\t") for row in path.read_text(encoding="utf-8").splitlines()]
        rows[line][5] = samples
        names[part] = rows[line][1].removesuffix(".wav")
        write_lines(path, *map("\t".join, rows))
    made = prepare("fleurs", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    assert (names["train"], "stated length") in made.dropped
    assert names["test"] in made.set("fleurs_test").tables["text"]
    assert f"{names['test']}: num_samples '-5' is no length" in made.output
