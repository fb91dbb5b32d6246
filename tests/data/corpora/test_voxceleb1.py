"""VoxCeleb1 in its true layouts."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from trees import tones, voxceleb1

from .conftest import Prepared, prepare

SETS = {"train": 12, "dev": 4, "test": 4}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Prepared:
    """The tree, prepared."""
    folder = tmp_path_factory.mktemp("voxceleb1")
    voxceleb1.make(folder / "corpus", tones(20, 0.3))
    done = prepare("voxceleb1", folder / "corpus", folder / "data")
    assert done.code == 0, done.output
    return done


def test_the_list_says_the_set_and_the_folder_the_speaker(made: Prepared) -> None:
    listed = {}
    for line in (made.corpus / "iden_split.txt").read_text().splitlines():
        code, rel = line.split()
        listed.setdefault(("", "train", "dev", "test")[int(code)], set()).add(rel.removesuffix(".wav"))
    for part, size in SETS.items():
        tables = made.set(f"voxceleb1_sid_{part}").tables
        assert len(tables["utt2spk"]) == size and set(tables["utt2orig"].values()) == listed[part]
        assert all(tables["utt2orig"][id].startswith(f"{speaker}/") for id, speaker in tables["utt2spk"].items())
        assert tables["spk2gender"] == {"id10001": "m", "id10002": "f", "id10003": "m", "id10004": "f"}
        assert "text" not in tables
    assert "12 utterances against 138,361 published" in made.output and "4 speakers against 1,251" in made.output


def test_a_recording_that_the_list_does_not_name_is_in_the_ledger(made: Prepared) -> None:
    assert made.dropped == [("id10004/1zcIwhmdeo4/00099", "not in the list")]


def test_all_speakers_in_one_folder_and_a_list_elsewhere_give_the_same(made: Prepared, tmp_path: Path) -> None:
    voxceleb1.make(tmp_path / "corpus", tones(20, 0.3), archives=False)
    list_ = shutil.move(tmp_path / "corpus/iden_split.txt", tmp_path / "split.txt")
    (tmp_path / "corpus/vox1_meta.csv").unlink()
    again = prepare("voxceleb1", tmp_path / "corpus", tmp_path / "data", also=[list_])
    assert again.code == 0, again.output
    for part in SETS:
        one, two = (m.set(f"voxceleb1_sid_{part}").tables for m in (made, again))
        assert one["utt2spk"] == two["utt2spk"] and "spk2gender" not in two
    without = prepare("voxceleb1", tmp_path / "corpus", tmp_path / "no")
    assert without.code == 1 and "no list of the sets, iden_split.txt" in without.output


def test_hostile_lines_and_files_cost_themselves_alone(made: Prepared, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    path = corpus / "iden_split.txt"
    lines = path.read_text().splitlines()
    linked, broken = (next(corpus.glob(f"*/wav/{line.split()[1]}")) for line in (lines[0], lines[6]))
    secret = shutil.move(linked, tmp_path / "secret.wav")
    linked.symlink_to(secret)
    broken.write_bytes(b"not audio")
    odd = ["3 ../secret.wav", "3 id10001/../../../secret.wav", "4 id10001/a/1.wav", "1 id10001/1.wav", "3 /etc/a/1.wav"]
    odd += [lines[1].replace("1 ", "2 ", 1), "3 id10009/video/00001.wav", "", "1 id10001/مقابلة/00001.wav"]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines, *odd]).encode() + b"\r\n1 id10001/\xff/1.wav\r\n")
    again = prepare("voxceleb1", corpus, tmp_path / "data")
    assert again.code == 0 and "Traceback" not in again.output, again.output
    reasons = sorted(reason for _, reason in again.dropped)
    expected = {"path leaves the corpus": 3, "malformed row": 2, "contradicting rows": 2, "missing": 2, "encoding": 1}
    expected |= {"link out of the corpus": 1, "unreadable": 1, "not in the list": 2}
    assert reasons == sorted(reason for reason, n in expected.items() for _ in range(n))
    assert sum(len(again.set(f"voxceleb1_sid_{part}")) for part in SETS) == 20 - 2 - 1
    originals = {o for part in SETS for o in again.set(f"voxceleb1_sid_{part}").tables["utt2orig"].values()}
    assert lines[1].split()[1].removesuffix(".wav") not in originals  # of train and of dev: of none


def test_another_folder_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    done = prepare("voxceleb1", tmp_path / "x", tmp_path / "data")
    assert done.code == 1 and "none of wav, dev/wav, test/wav" in done.output and "Traceback" not in done.output


def test_a_malformed_row_of_the_table_of_genders_costs_a_gender_and_not_the_corpus(made: Prepared, tmp_path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(made.corpus, corpus)
    meta = corpus / "vox1_meta.csv"
    lines = meta.read_text().splitlines()
    lines[1], lines[2] = lines[1].rpartition("\t")[0], lines[2].replace("id", "\u200eid", 1)
    meta.write_text("\n".join(lines), encoding="utf-8")
    path = corpus / "iden_split.txt"
    first, second, *rest = path.read_text().splitlines()
    path.write_text("\n".join([first.replace(" ", "\t"), f"{second} again", *rest]), encoding="utf-8")
    again = prepare("voxceleb1", corpus, tmp_path / "data")
    assert again.code == 0, again.output
    genders = [made.set(f"voxceleb1_sid_{part}").tables["spk2gender"] for part in SETS]
    less = [again.set(f"voxceleb1_sid_{part}").tables["spk2gender"] for part in SETS]
    assert less == [{s: g for s, g in of_part.items() if s != lines[1].split()[0]} for of_part in genders]
    reasons = Counter(reason for _, reason in again.dropped)
    assert reasons == {"malformed row": 2, "not in the list": 2}
    assert first.split()[1].removesuffix(".wav") in again.set("voxceleb1_sid_train").tables["utt2orig"].values()
