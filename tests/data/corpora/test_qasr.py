"""QASR in its true layout."""

import pytest
from trees import speech
from trees.mgb2 import guid, programme, segment

from toolkit.text.diacritics import strip_diacritics

from .conftest import prepare, prepare_tree


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prepare_tree("qasr", tmp_path_factory.mktemp("qasr"))


def test_train_comes_from_xml_with_the_ids_and_programmes_that_mgb2_has(made, make_tree, tmp_path) -> None:
    mgb2 = prepare("mgb2", make_tree("mgb2"), tmp_path / "mgb2_data")
    ours, theirs = made.set("qasr_train").tables, mgb2.set("mgb2_train").tables
    shared = set(ours["utt2prog"].values()) & set(theirs["utt2prog"].values())
    assert shared == {guid(0)}
    same = [id for id, name in theirs["utt2prog"].items() if name == guid(0)]
    assert [id for id, name in ours["utt2prog"].items() if name == guid(0)] == same
    assert all(ours["text"][id] == theirs["text"][id] for id in same)
    for part in ("dev", "test"):
        both = [made.set(f"qasr_{part}").tables["utt2prog"], mgb2.set(f"mgb2_{part}").tables["utt2prog"]]
        assert set(both[0].values()) == set(both[1].values())


def test_dev_and_test_have_the_times_of_their_ids(made) -> None:
    dev, clip = made.set("qasr_dev").tables, speech()[36]
    id = f"{guid(100)}_spk-0001_seg-0000000-0000332"  # 3.32 s of speech
    assert dev["segments"][id] == f"{guid(100)} 0.0000 3.3200"
    assert dev["utt2dur"][id] == "3.3200" and dev["utt2spk"][id] == f"{guid(100)}_spk-0001"
    assert dev["utt2orig"][id] == f"{guid(100)}_spk-0001_seg-0000000:0000332"
    assert dev["text"][id] == strip_diacritics(clip.text)
    assert len(dev["text"]) == len(speech()[36:42])


def test_what_has_no_duration_or_no_time_is_in_the_ledger(made) -> None:
    rows = sorted(row for row in made.dropped if row[0].startswith(guid(100)))
    assert rows == [(f"{guid(100)}_spk-0001_seg-0000100:0000100", "no duration"), (f"{guid(100)}_utt_7", "id")]
    assert (f"wav/{guid(9)}.wav", "no transcript") in made.dropped
    train = [reason for id, reason in made.dropped if id.replace("_", "-").startswith(guid(0))]
    assert sorted(train) == ["WMER", "bad times", "no duration", "no words", "past end"]


def test_genders_are_those_of_the_files_and_the_unknown_speaker_has_none(made) -> None:
    genders = made.set("qasr_train").tables["spk2gender"]
    assert genders[f"{guid(0)}_spk-0001"] == "m" and genders[f"{guid(0)}_spk-0002"] == "f"
    assert f"{guid(0)}_spk-unknown" not in genders and "6 utterances are of the unknown speakers" in made.output


def test_the_folder_mgb2_1_itself_may_be_named_and_counts_are_held_against_the_published(made, tmp_path) -> None:
    inner = prepare("qasr", made.corpus / "mgb2.1", tmp_path / "b")
    assert len(inner.set("qasr_train")) == len(made.set("qasr_train")) == 45
    for count, part in (("1,592,226", "train"), ("5,002", "dev"), ("5,366", "test")):
        line = next(line for line in inner.output.splitlines() if f"qasr_{part}: " in line and "published" in line)
        assert f"against {count} published" in line


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("x كلمة\n".encode("cp1256"), "no UTF-8"),
        (b"x " + b"b" * (2 << 20), "a line of more than 1 MiB"),
    ],
)
def test_a_table_that_cannot_be_read_is_an_error_that_names_it(make_tree, tmp_path, raw, message) -> None:
    corpus = make_tree("qasr")
    (corpus / "mgb2.1/release/test/text.verbatim.nonoverlap").write_bytes(raw)
    done = prepare("qasr", corpus, tmp_path / "data")
    assert (
        done.code == 1 and message in done.output and "text.verbatim" in done.output and "Traceback" not in done.output
    )


def test_hostile_ids_files_and_links_are_rows_of_the_ledger(make_tree, tmp_path) -> None:
    corpus = make_tree("qasr")
    release, odd = corpus / "mgb2.1/release", "../../../../etc/passwd_spk-0001_seg-0000000:0000100"
    with open(release / "dev/text.verbatim.nonoverlap", "a", encoding="utf-8") as f:
        f.write(f"{odd} كلمة\n")
    bomb = '<!DOCTYPE t [<!ENTITY a "كلمة">]><transcript>&a;</transcript>'
    (release / "train_20210109/xml/bomb.xml").write_text(bomb, encoding="utf-8")
    (release / "train_20210109/xml/far.xml").write_text(programme("far", [segment("far", 0, 0, 1, ["كلمة"])]))
    (corpus / "mgb2.1/wav/far.wav").symlink_to("/etc/hostname")
    (corpus / f"mgb2.1/wav/{guid(0)}.wav").write_bytes(b"RIFF")
    done = prepare("qasr", corpus, tmp_path / "data")
    assert done.code == 0, done.output
    reasons = {reason for _, reason in done.dropped}
    assert {"entities", "link out of the corpus", "unreadable"} <= reasons
    assert (odd, "path leaves the corpus") in done.dropped


def test_a_transcript_of_dev_that_leaves_words_out_stays_as_it_is_and_is_warned_of(make_tree, tmp_path) -> None:
    corpus = make_tree("qasr", count=24)
    path = corpus / "mgb2.1/release/dev/text.verbatim.nonoverlap"
    lines = path.read_text(encoding="utf-8").splitlines()
    marked = ["قال [غير مسموع] ثم ذهب", "[لقد] ذهبت إلى السوق"]
    ids = [line.split()[0] for line in lines[:2]]
    path.write_text("\n".join([*map(" ".join, zip(ids, marked)), *lines[2:]]) + "\n", encoding="utf-8")
    made = prepare("qasr", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    dev = made.set("qasr_dev").tables["text"]
    assert [dev[id.replace(":", "-")] for id in ids] == marked
    assert f"  {ids[0]}: words not understood: [غير مسموع]" in made.output
    assert f"  {ids[1]}: brackets before speech: [لقد]" in made.output
