"""Common Voice in its true layout, old releases and new ones."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from odd_audio import joint, tone, truncated, wav_with_sizes, xing_frames
from trees.broken_tables import break_field
from trees.commonvoice import MARKED, PERSIAN, QUOTED, client

from toolkit.core.record import read_ledger
from toolkit.data.audio import audio_info
from toolkit.data.checks import inspect
from toolkit.data.corpora.commonvoice import prompt_of, speakers_of

from .conftest import Prepared, prepare

SETS = [f"commonvoice_{part}" for part in ("train", "dev", "test")]


def texts(made: Prepared, name: str) -> dict[str, str]:
    """Name of the clip -> text."""
    tables = made.set(name).tables
    return {tables["utt2orig"][id]: text for id, text in tables["text"].items()}


def language_folder(corpus: Path) -> Path:
    return next(corpus.glob("cv-corpus-*/ar"))


def rows_of(path: Path) -> list[list[str]]:
    """Fields of each line below the header, read by hand."""
    return [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[1:] if line]


def test_the_official_parts_become_sets_with_every_row_and_text_untouched(prepared) -> None:
    made = prepared("commonvoice")
    assert made.code == 0, made.output
    for name in SETS:
        assert not inspect(made.out / name, audio=True).errors
    at = language_folder(made.corpus)
    for name in ("dev", "test"):
        wanted = {row[1].removesuffix(".mp3"): " ".join(row[3].split()) for row in rows_of(at / f"{name}.tsv")}
        assert texts(made, f"commonvoice_{name}") == wanted
    train = texts(made, "commonvoice_train")
    assert train["common_voice_ar_00000000"] == QUOTED  # the first row below the header, with its quotation mark
    assert PERSIAN in train.values() and MARKED in texts(made, "commonvoice_test").values()
    assert made.set("commonvoice_train").seconds > 60


def test_speakers_go_by_the_beginning_of_their_client_id_with_gender_and_dialect(prepared) -> None:
    made = prepared("commonvoice")
    train = made.set("commonvoice_train").tables
    row = rows_of(language_folder(made.corpus) / "train.tsv")[0]
    id = next(id for id, original in train["utt2orig"].items() if original == row[1].removesuffix(".mp3"))
    assert train["utt2spk"][id] == row[0][:16] and id == f"{row[0][:16]}-{row[1].removesuffix('.mp3')}"
    assert train["utt2lang"][id] == "EGY" and set(train["utt2lang"].values()) == {"EGY", "ARA"}
    assert train["utt2accent"][id] == "Egyptian Arabic" and "unknown" in train["utt2accent"].values()
    assert set(train["spk2gender"].values()) == {"m", "f"}
    assert client("nobody else")[:16] not in train["spk2gender"]
    test = made.set("commonvoice_test").tables
    alone = [id for id, text in test["text"].items() if text == MARKED]
    assert test["utt2spk"][alone[0]] == alone[0]  # no client_id: nobody else's


def test_what_is_left_out_is_in_the_ledger_with_its_reason(prepared) -> None:
    made = prepared("commonvoice")
    reasons = Counter(reason for _, reason in made.dropped)
    assert reasons == {"duplicate path": 1, "no transcript": 1, "missing": 1, "path leaves the corpus": 1}
    assert "dropped 1: missing" in made.output


def test_validated_leaves_out_the_recordings_speakers_and_prompts_of_dev_and_test(make_tree, tmp_path) -> None:
    corpus = make_tree("commonvoice")
    official = prepare("commonvoice", corpus, tmp_path / "official")
    made = prepare("commonvoice", corpus, tmp_path / "data", "--validated", "true")
    assert made.code == 0, made.output
    at = language_folder(corpus)
    held = [row for part in ("dev", "test") for row in rows_of(at / f"{part}.tsv")]
    clips, people = {row[1] for row in held}, {row[0] for row in held} - {""}
    wanted, reasons = set(), Counter()
    for row in rows_of(at / "validated.tsv"):
        by_clip, by_person = row[1] in clips, row[0] in people
        by_prompt = prompt_of(row[3]) in {prompt_of(held_row[3]) for held_row in held}
        reasons["recording" if by_clip else "speaker" if by_person else "prompt" if by_prompt else "kept"] += 1
        if not (by_clip or by_person or by_prompt):
            wanted.add(row[1].removesuffix(".mp3"))
    assert set(texts(made, "commonvoice_train")) == wanted and reasons["kept"] == len(wanted) > 10
    dropped = Counter(reason.split()[0] for _, reason in made.dropped)
    assert {kind: dropped[kind] for kind in ("recording", "prompt")} == {"recording": reasons["recording"], "prompt": 1}
    for name in ("commonvoice_dev", "commonvoice_test"):
        assert texts(made, name) == texts(official, name)


def test_prompts_are_the_same_whatever_their_diacritics_punctuation_and_ligatures() -> None:
    assert prompt_of(MARKED) == prompt_of("«السلام عليكم»؟") == prompt_of("\u200fالس\ufefbم عليكم.")
    assert prompt_of("أنا في القاهرة، سنة ٢٠٢٤") == prompt_of("انا فى القاهره سنة 2024")
    assert prompt_of("السلام عليكم") != prompt_of("السلام عليك")


def test_people_whose_client_ids_begin_alike_stay_apart() -> None:
    one, two, three = "a" * 128, "a" * 127 + "b", "c" * 128
    names = speakers_of([one, two, three, one, "", "an old id"])
    assert len(set(names.values())) == 4 and "" not in names
    assert names[three] == "c" * 16 and names[one].startswith("a" * 16) and names["an old id"] == "an old id"


def test_an_old_release_with_a_byte_order_mark_and_carriage_returns_is_read_as_a_new_one(make_tree, tmp_path) -> None:
    new = prepare("commonvoice", make_tree("commonvoice"), tmp_path / "new")
    shutil.rmtree(tmp_path / "commonvoice")
    old = prepare("commonvoice", make_tree("commonvoice", False, True), tmp_path / "old")
    assert old.code == 0, old.output
    for name in SETS:
        assert old.set(name).tables.keys() == new.set(name).tables.keys()
        for table in ("text", "utt2spk", "utt2lang", "utt2accent", "utt2dur"):
            assert old.set(name).tables.get(table) == new.set(name).tables.get(table)


def test_two_jobs_write_the_bytes_of_one_and_the_language_folder_those_of_its_release(make_tree, tmp_path) -> None:
    corpus = make_tree("commonvoice", count=24)
    one = prepare("commonvoice", corpus, tmp_path / "one")
    two = prepare("commonvoice", language_folder(corpus), tmp_path / "two", nj=2)
    assert one.code == two.code == 0, one.output + two.output
    for name in SETS:
        for table in (one.out / name).iterdir():
            assert table.read_bytes() == (two.out / name / table.name).read_bytes()
    assert (one.out / "dropped.tsv").read_bytes() == (two.out / "dropped.tsv").read_bytes()


def hostile(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def test_bad_rows_and_recordings_cost_themselves_and_nothing_else(make_tree, tmp_path) -> None:
    corpus = make_tree("commonvoice", count=24)
    at = language_folder(corpus)
    before = rows_of(at / "train.tsv")
    (at / "clips" / before[0][1]).write_bytes(b"")
    (at / "clips" / before[1][1]).write_bytes(b"no audio at all" * 100)
    (at / "clips" / before[2][1]).unlink()
    secret = shutil.copy(at / "clips" / before[3][1], tmp_path / "secret.mp3")
    os.symlink(secret, at / "clips" / before[2][1])
    more = [b"x\ty\tz" * 400_000, "a\tb\tc\t\u0633\u0644\u0627\u0645".encode("cp1256"), b"a\tb\0c", b"a\t" * 40]
    more.append(b"\t".join([b"a", b"touch x.y |", b"1", b"run"]))
    hostile(at / "train.tsv", lambda data: data + b"".join(line + b"\n" for line in more))
    made = prepare("commonvoice", corpus, tmp_path / "data")
    assert made.code == 0 and "Traceback" not in made.output, made.output
    reasons = Counter(reason for _, reason in made.dropped)
    wanted = {"empty": 1, "unreadable": 1, "link out of the corpus": 1}
    wanted |= {"line too long": 1, "encoding": 2, "malformed row": 2}
    assert {reason: reasons[reason] for reason in wanted} == wanted
    assert len(texts(made, "commonvoice_train")) == len(before) - 4 - 3


def test_rows_of_another_language_are_in_the_ledger_and_a_part_of_them_alone_is_an_error(make_tree, tmp_path) -> None:
    corpus = make_tree("commonvoice", count=12)
    path = language_folder(corpus) / "dev.tsv"
    text, number = path.read_text(), len(rows_of(path))
    path.write_text(text.replace("\tar\t", "\tfa\t", number - 1))
    made = prepare("commonvoice", corpus, tmp_path / "data")
    assert made.code == 0 and len(made.set("commonvoice_dev")) == 1
    assert Counter(reason for _, reason in made.dropped)["another language"] == number - 1 > 0
    path.write_text(text.replace("\tar\t", "\tfa\t"))
    none = prepare("commonvoice", corpus, tmp_path / "none")
    message = f"commonvoice_dev: none of its {number} rows can be used: {number} another language, such as dev.tsv:2"
    assert none.code == 1 and message in none.output


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda at: (at / "test.tsv").unlink(), "cv-corpus-*/ar/test.tsv"),
        (lambda at: (at / "validated.tsv").unlink(), "validated.tsv"),
        (lambda at: shutil.rmtree(at / "clips"), "clips"),
        (lambda at: hostile(at / "dev.tsv", lambda b: b.replace(b"client_id", b"who", 1)), "no column client_id"),
        (lambda at: hostile(at / "dev.tsv", lambda b: b.decode().encode("utf-16")), "UTF-16"),
        (lambda at: shutil.copytree(at, at.parents[1] / "cv-corpus-19.0" / "ar"), "several releases"),
    ],
    ids=["no test", "no validated", "no clips", "no client_id", "utf-16", "two releases"],
)
def test_a_corpus_that_is_not_whole_is_an_error_that_says_what_is_wanted(make_tree, tmp_path, spoil, message) -> None:
    corpus = make_tree("commonvoice", count=8)
    spoil(language_folder(corpus))
    made = prepare("commonvoice", corpus, tmp_path / "data", "--validated", "true")
    assert made.code == 1 and message in made.output and "Traceback" not in made.output


def test_a_line_feed_inside_a_sentence_of_test_leaves_no_utterance_but_two_rows_of_the_ledger(
    make_tree, tmp_path
) -> None:
    corpus = make_tree("commonvoice", count=24)
    table = language_folder(corpus) / "test.tsv"
    before = rows_of(table)
    halves = break_field(table, 3, 3)
    clip = before[1][1].removesuffix(".mp3")
    made = prepare("commonvoice", corpus, tmp_path / "data")
    assert made.code == 0, made.output
    test = texts(made, "commonvoice_test")
    assert test == {row[1].removesuffix(".mp3"): " ".join(row[3].split()) for row in before if row[1] != before[1][1]}
    rows = [row for row in read_ledger(made.out / "dropped.tsv") if row[2] == "malformed row"]
    assert [row[3].partition(": ")[0] for row in rows] == [f"test.tsv, line {line}" for line in halves]
    assert "4 fields where 13 belong" in rows[0][3] and before[1][3].split()[0] in rows[0][3]
    again = prepare("commonvoice", corpus, tmp_path / "validated", "--validated", "true")
    assert again.code == 0 and clip not in texts(again, "commonvoice_train")  # which validated.tsv has


def test_the_clip_and_the_speaker_of_a_malformed_row_of_test_are_not_trained_on(make_tree, tmp_path) -> None:
    corpus = make_tree("commonvoice", count=24)
    at = language_folder(corpus)
    train = rows_of(at / "train.tsv")
    row = [*train[3][:2], *train[3][2:5]]  # of a speaker of train, without its other columns
    with open(at / "test.tsv", "a", encoding="utf-8") as f:
        f.write("\t".join(row) + "\n")
    made = prepare("commonvoice", corpus, tmp_path / "data", "--validated", "true")
    assert made.code == 0, made.output
    speakers = set(made.set("commonvoice_train").tables["utt2spk"].values())
    assert train[3][0][:16] not in speakers and len(speakers) > 1
    assert "speaker of test" in {reason for _, reason in made.dropped}


def test_a_mark_that_nobody_sees_makes_no_second_speaker_accent_or_language(make_tree, tmp_path) -> None:
    corpus = make_tree("commonvoice", count=24)
    plain = prepare("commonvoice", corpus, tmp_path / "plain", "--validated", "true")
    for name in ("test", "train", "validated"):
        path = language_folder(corpus) / f"{name}.tsv"
        head, *lines = path.read_text(encoding="utf-8").splitlines()
        marks = {0: "\u200f", 10: "\u202a", 11: "\u200b", 12: "\ufeff"}  # client_id, accents, variant, locale
        spoilt = ["\t".join(marks.get(i, "") + f for i, f in enumerate(line.split("\t"))) for line in lines[::2]]
        lines[::2] = [line.replace("\t\u202a\t", "\t\t").replace("\t\u200b\t", "\t\t") for line in spoilt]
        path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    made = prepare("commonvoice", corpus, tmp_path / "data", "--validated", "true")
    assert made.code == 0, made.output
    assert (made.out / "dropped.tsv").read_bytes() == (plain.out / "dropped.tsv").read_bytes()
    for name in SETS:
        for table in (plain.out / name).iterdir():
            assert (made.out / name / table.name).read_bytes() == table.read_bytes()


def test_a_table_with_two_columns_of_one_name_is_refused(make_tree, tmp_path) -> None:
    corpus = make_tree("commonvoice", count=8)
    hostile(language_folder(corpus) / "dev.tsv", lambda b: b.replace(b"sentence_domain", b"Sentence", 1))
    made = prepare("commonvoice", corpus, tmp_path / "data")
    assert made.code == 1 and "two columns of one name: sentence" in made.output and "Traceback" not in made.output


def test_a_clip_is_as_long_as_it_decodes_or_a_row_of_the_ledger(make_tree, tmp_path: Path) -> None:
    corpus = make_tree("commonvoice")
    at = language_folder(corpus) / "clips"
    names = [f"common_voice_ar_{i:08d}" for i in range(1, 7)]
    half, several, two, few, none, wrapped = names
    original = {name: (at / f"{name}.mp3").read_bytes() for name in names}
    seconds = {name: audio_info(at / f"{name}.mp3").seconds for name in names}
    made = {
        half: truncated(original[half]),
        several: joint(original[several], tone("mp3", 2, rate=22050)),
        two: joint(original[two], tone("mp3", 5)),
        few: xing_frames(original[few], 20),
        none: xing_frames(original[none], 0),
        wrapped: wav_with_sizes(tone("wav", 4), 32000),  # a WAV, whatever its name says
    }
    for name, data in made.items():
        (at / f"{name}.mp3").write_bytes(data)
    done = prepare("commonvoice", corpus, tmp_path / "data", "--take.max-seconds", "0")
    assert done.code == 0, done.output
    dropped = set(done.dropped)
    assert {(half, "truncated"), (several, "several streams")} <= dropped
    lengths = {}
    for name in SETS:
        tables = done.set(name).tables
        lengths |= {tables["utt2orig"][id]: float(length) for id, length in tables["utt2dur"].items()}
        assert not inspect(done.out / name, audio=True).errors
    assert half not in lengths and several not in lengths
    right = {two: seconds[two] + 5, few: seconds[few], none: seconds[none], wrapped: 4.0}
    assert {name: lengths[name] for name in right} == pytest.approx(right, abs=1e-4)
