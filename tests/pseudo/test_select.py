"""The step: which inputs it takes, what it leaves, what it says when something is wrong. No audio exists here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pseudo.label_trees import hypothesis, selected, write_data, write_labels

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.core.record import read_ledger
from toolkit.pseudo.measures import SCORES
from toolkit.pseudo.select import SelectConfig
from toolkit.pseudo.selections import read_kept
from toolkit.score import hypotheses
from toolkit.score.hypotheses import HYPOTHESES

REFERENCES = {"a-1": "قَالَ المعلم", "a-2": "انا رحت السوق", "b-1": "سنة ١٩٧٣", "b-2": "نعم يا سيدي"}
LABELS = {"a-1": "قال المعلم", "a-2": "انا رحت المدرسة", "b-1": "سنة ۱۹۷۳", "b-2": "شكرا على المشاهدة"}
DIALECTS = {"a-1": "EGY", "a-2": "EGY", "b-1": "GLF", "b-2": "GLF"}
KEEP = {"filtered": "wer <= 20", "half": "wer <= 50", "unfiltered": ""}


@pytest.fixture
def one(tmp_path: Path) -> tuple[Path, Path]:
    return write_data(tmp_path / "data/mgb2", REFERENCES, DIALECTS), write_labels(tmp_path / "labels/mgb2", LABELS)


def table(out: Path) -> dict[str, dict[str, str]]:
    head, *rows = [line.split("\t") for line in (out / "scores.tsv").read_text(encoding="utf-8").splitlines()]
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_selections_are_lists_of_ids_and_what_they_drop_is_in_the_ledger(
    one: tuple[Path, Path], tmp_path: Path
) -> None:
    step = selected(tmp_path / "out", *one, keep=KEEP)
    assert read_kept(tmp_path / "out", "filtered") == ["a-1", "b-1"]
    assert read_kept(tmp_path / "out", "half") == ["a-1", "a-2", "b-1"]
    assert read_kept(tmp_path / "out", "unfiltered") == sorted(LABELS)
    assert sorted((id, reason) for id, _, reason, _ in step.ledger.rows) == [
        ("a-2", "filtered: wer above 20"),
        ("b-2", "filtered: wer above 20"),
        ("b-2", "half: wer above 50"),
    ]
    assert step.counts == {"utterances": 4, "hours": 0.004444, "kept filtered": 2, "kept half": 3, "kept unfiltered": 4}


def test_the_table_of_scores_has_every_score_of_every_label(one: tuple[Path, Path], tmp_path: Path) -> None:
    selected(tmp_path / "out", *one)
    scores = table(tmp_path / "out")
    assert list(scores) == sorted(LABELS)
    assert list(scores["a-1"]) == ["id", "set", "dialect", "label", "reference", *SCORES]
    assert [scores[id]["wer"] for id in sorted(LABELS)] == ["0", "33.3333", "0", "100"]
    assert scores["b-2"]["boilerplate"] == "1" and scores["a-1"]["boilerplate"] == "0"
    assert (scores["a-1"]["set"], scores["a-1"]["dialect"], scores["a-1"]["seconds"]) == ("mgb2", "EGY", "4")
    assert scores["a-1"]["confidence"] == scores["a-1"]["agreement"] == ""


def test_the_document_says_who_labelled_what_is_left_and_what_was_chosen(
    one: tuple[Path, Path], tmp_path: Path
) -> None:
    selected(tmp_path / "out", *one, keep=KEEP, lambdas=(20.0, 50.0))
    document = read_json(tmp_path / "out/survival.json")
    assert set(document) == {
        *("profile", "lambdas", "labels", "proxy", "counts", "survival", "histograms", "auc", "selections"),
    }
    assert document["profile"] == "sawt@2" and document["proxy"] is None
    assert document["labels"]["model"] == "teacher" and document["labels"]["settings"] == {"mgb2": "greedy"}
    assert document["counts"]["utterances"] == document["counts"]["referenced"] == 4
    of = {(r["group"], r["value"], r["lambda"]): (r["utterances"], r["of"]) for r in document["survival"]}
    assert [of["all", "all", limit] for limit in (None, 20.0, 50.0)] == [(4, 4), (2, 4), (3, 4)]
    assert (of["dialect", "EGY", 50.0], of["dialect", "GLF", 50.0]) == ((2, 2), (1, 2))
    assert of["duration", "2-5", 20.0] == (2, 4)
    half = document["selections"]["half"]
    assert (half["criterion"], half["utterances"], half["dropped"]) == ("wer <= 50", 3, {"wer above 50": 1})
    assert half["wer"] == pytest.approx(100 / 7, abs=1e-5)  # one word of seven
    rows = (tmp_path / "out/survival.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + len(document["survival"]) and rows[0].startswith("group\tvalue\tlambda\tutterances")


def test_two_runs_give_the_same_bytes_whatever_the_order_of_the_inputs(one: tuple[Path, Path], tmp_path: Path) -> None:
    second = write_data(tmp_path / "data/masc", {"c-1": "نعم"}), write_labels(tmp_path / "labels/masc", {"c-1": "نعم"})
    runs = [tmp_path / name for name in ("x", "y")]
    selected(runs[0], *one, *second, keep=KEEP)
    selected(runs[1], *reversed((*one, *second)), keep=KEEP)
    files = [{p.relative_to(run): p.read_bytes() for p in run.rglob("*") if p.is_file()} for run in runs]
    assert files[0] == files[1] and len(files[0]) == 6


def test_several_sets_of_one_model_are_parted_by_corpus(one: tuple[Path, Path], tmp_path: Path) -> None:
    second = write_data(tmp_path / "data/masc", {"a-3": "نعم"}), write_labels(tmp_path / "labels/masc", {"a-3": "لا"})
    selected(tmp_path / "out", *one, *second, keep=KEEP)
    assert {id: row["set"] for id, row in table(tmp_path / "out").items()} == {
        **dict.fromkeys(LABELS, "mgb2"),
        "a-3": "masc",
    }
    rows = read_json(tmp_path / "out/survival.json")["survival"]
    of = {r["value"]: (r["utterances"], r["of"]) for r in rows if r["group"] == "corpus" and r["lambda"] == 20}
    assert of == {"masc": (0, 1), "mgb2": (2, 4)}


def test_a_second_model_is_the_proxy_and_its_agreement_a_score(one: tuple[Path, Path], tmp_path: Path) -> None:
    second = {"a-1": "قال المعلم", "a-2": "انا رحت السوق", "b-2": "نعم", "z-9": "زائد"}
    proxy = write_labels(tmp_path / "proxy/mgb2", second, model="proxy")
    step = selected(tmp_path / "out", *one, proxy, keep={"agreed": "agreement >= 0.6"})
    scores = {id: row["agreement"] for id, row in table(tmp_path / "out").items()}
    assert scores == {"a-1": "1", "a-2": "0.666667", "b-1": "", "b-2": "0"}
    assert read_kept(tmp_path / "out", "agreed") == ["a-1", "a-2"]
    assert step.ledger.reasons() == {"agreed: agreement below 0.6": 1, "agreed: agreement unknown": 1}
    assert read_json(tmp_path / "out/survival.json")["proxy"]["model"] == "proxy"


def test_audio_without_references_is_selected_by_scores_that_need_none(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data/radio", dict.fromkeys(LABELS))
    rows = {id: hypothesis(id, text, avg_logprob=-0.1 * i) for i, (id, text) in enumerate(LABELS.items())}
    labels = write_labels(tmp_path / "labels/radio", rows)
    selected(tmp_path / "out", data, labels, keep={"sure": "confidence >= -0.15, boilerplate <= 0", "all": ""})
    assert read_kept(tmp_path / "out", "sure") == ["a-1", "a-2"] and len(read_kept(tmp_path / "out", "all")) == 4
    document = read_json(tmp_path / "out/survival.json")
    assert document["counts"]["referenced"] == 0 and document["auc"] == []
    assert {row["lambda"] for row in document["survival"]} == {None}
    with pytest.raises(UserError, match="no reference 4") as error:
        selected(tmp_path / "other", data, labels, keep={"filtered": "wer <= 80"})
    assert "no references" in error.value.remedy


def test_a_selection_that_keeps_nothing_shows_what_each_limit_leaves_and_writes_nothing(
    one: tuple[Path, Path], tmp_path: Path
) -> None:
    before = {p: p.read_bytes() for p in one[1].iterdir()}
    with pytest.raises(UserError, match=r"`wer <= 5, words >= 3`. keeps none of 4 labels") as error:
        selected(tmp_path / "out", *one, keep={"unfiltered": "", "strict": "wer <= 5, words >= 3"})
    message = str(error.value)
    assert "wer above 5 2" in message and "words below 3 2" in message
    assert "wer <= 0 leaves 2 of 4" in message and "wer <= 40 leaves 3 of 4" in message
    assert "words of the labels: least, 10 %, median, 90 %, most: 2, 2, 2.5, 3, 3" in message
    assert "remedy: loosen the criterion" in message and "where:  keep.strict" in message
    assert not list((tmp_path / "out").iterdir()) and {p: p.read_bytes() for p in one[1].iterdir()} == before


def test_no_audio_is_opened_not_even_for_its_length(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data/mgb2", REFERENCES)
    (data / "utt2dur").unlink()
    (data / "wav.scp").write_text("".join(f"{id} sox /nowhere/{id}.wav -t wav - |\n" for id in REFERENCES))
    rows = {id: hypothesis(id, text, seconds=2.5) for id, text in LABELS.items()}
    selected(tmp_path / "out", data, write_labels(tmp_path / "labels/mgb2", rows))
    assert {row["seconds"] for row in table(tmp_path / "out").values()} == {"2.5"}  # as who heard them said


def test_what_only_one_side_has_is_a_row_of_the_ledger(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data/mgb2", {**REFERENCES, "c-1": "نعم"})
    labels = write_labels(tmp_path / "labels/mgb2", {**LABELS, "0-0": "لا", "z-1": "لا"})
    step = selected(tmp_path / "out", data, labels, keep={"unfiltered": ""})
    assert sorted((id, reason) for id, _, reason, _ in step.ledger.rows) == [
        ("0-0", "label of no utterance"),
        ("c-1", "no label"),
        ("z-1", "label of no utterance"),
    ]
    counts = read_json(tmp_path / "out/survival.json")["counts"]
    assert (counts["utterances"], counts["no_label"], counts["not_in_data"]) == (4, 1, 2)
    assert read_kept(tmp_path / "out", "unfiltered") == sorted(LABELS)


def test_empty_and_cut_off_labels_are_dropped_from_every_selection(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data/mgb2", REFERENCES)
    cut = hypothesis("b-1", LABELS["b-1"], ended=False)
    labels = write_labels(tmp_path / "labels/mgb2", {**LABELS, "a-1": "", "b-1": cut})
    step = selected(tmp_path / "out", data, labels, keep={"half": "wer <= 120", "all": ""})
    assert step.ledger.reasons() == {
        "all: empty label": 1,
        "all: label cut off": 1,
        "half: empty label": 1,
        "half: label cut off": 1,
    }
    scores = table(tmp_path / "out")
    assert [scores[id]["label"] for id in sorted(scores)] == ["empty", "ok", "cut off", "ok"]
    assert scores["a-1"]["wer"] == "100"


def test_a_selection_under_the_papers_profile_is_its_filter(one: tuple[Path, Path], tmp_path: Path) -> None:
    selected(tmp_path / "out", *one, keep={"filtered": "wer <= 20"}, profile="to-distill")
    assert read_json(tmp_path / "out/survival.json")["profile"] == "to-distill@1"
    assert read_kept(tmp_path / "out", "filtered") == ["a-1"]  # ۱۹۷۳ is deleted there, ١٩٧٣ is not


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["data"], "no labels among the inputs"),
        (["labels"], "no data directory among the inputs"),
        (["data", "labels", "empty"], "neither a data directory"),
        (["data", "labels", "second", "third"], "labels of 3 models: teacher, second, third"),
        (["data", "labels", "again"], "two labels of a-1 by one model"),
        (["data", "strange"], "labels of none of the utterances"),
        (["data", "labels", "strange proxy"], "labels of none of the utterances"),
        (["data", "twin/data", "labels"], "two data directories are called data"),
        (["data", "copy", "labels"], "4 utterances are in more than one of the sets: a-1, a-2"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused(inputs: list[str], message: str, tmp_path: Path) -> None:
    for name in ("data", "twin/data", "copy"):
        write_data(tmp_path / name, REFERENCES)
    for name in ("labels", "again"):
        write_labels(tmp_path / name, LABELS)
    write_labels(tmp_path / "second", LABELS, "second")
    write_labels(tmp_path / "third", LABELS, "third")
    write_labels(tmp_path / "strange", {"z-1": "نعم"})
    write_labels(tmp_path / "strange proxy", {"z-1": "نعم"}, "second")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        selected(tmp_path / "out", *(tmp_path / name for name in inputs))


def row(id: str = "a-1", **more: Any) -> str:
    return json.dumps({**hypothesis(id, "نعم").to_json(), **more}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{"], "line 1"),
        (["[]"], "not a hypothesis"),
        ([row(tokens=["x"])], "line 1"),
        ([row(text=None)], "no text"),
        ([row(id=7)], "no text"),
        ([row(seconds="long")], "no length"),
        ([row(seconds=-1)], "no length"),
        ([row(avg_logprob="-1")], "whose avg_logprob is no number"),
        ([row(ended="no")], "neither true nor false"),
        ([row("a-2"), row("a-1")], "a-1 comes after a-2"),
        ([row("a-1"), row("a-1")], "a-1 comes twice"),
        (["[" * 100_000], "line 1"),
        ([row(), row("a-2").replace("نعم", "نعم" * 9000)], "longer than 40,000 bytes"),
    ],
)
def test_a_damaged_file_of_hypotheses_is_told_by_its_line_or_id(
    lines: list[str], message: str, one: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hypotheses, "LONGEST_LINE", 40_000 if "longer than" in message else 1 << 24)
    (one[1] / HYPOTHESES).write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=message):
        selected(tmp_path / "out", *one)


@pytest.mark.parametrize("data", [b"\xff\xfe{}", row().encode("utf-16"), b"\0" * 100, row().encode("cp1256")])
def test_hypotheses_that_are_no_utf8_are_told(data: bytes, one: tuple[Path, Path], tmp_path: Path) -> None:
    (one[1] / HYPOTHESES).write_bytes(data + b"\n")
    with pytest.raises(UserError, match=r"not a line of pseudo\.transcribe"):
        selected(tmp_path / "out", *one)


def test_an_id_that_would_escape_a_table_is_a_harmless_row(one: tuple[Path, Path], tmp_path: Path) -> None:
    lines = [row("../../etc/x\ty"), *(row(id, text=text) for id, text in sorted(LABELS.items()))]
    (one[1] / HYPOTHESES).write_text("\n".join(lines) + "\n", encoding="utf-8")
    step = selected(tmp_path / "out", *one)
    step.ledger.write(tmp_path / "dropped.tsv")
    assert [reason for _, _, reason, _ in read_ledger(tmp_path / "dropped.tsv")] == ["label of no utterance"]


def test_labels_without_a_header_are_refused(one: tuple[Path, Path], tmp_path: Path) -> None:
    for text in ("[1]", '{"model": 3}', '{"model": [1], "model_hash": "", "parameters": 1, "set": "x"}', None):
        if text is None:
            (one[1] / "header.json").unlink()
        else:
            (one[1] / "header.json").write_text(text)
        with pytest.raises(UserError, match="header"):
            selected(tmp_path / "out", *one)


def test_a_config_file_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "select.yaml"
    path.write_text('profile: sawt\nlambdas: [10, 80]\nkeep:\n  filtered: "wer <= 80"\n  unfiltered: ""\n')
    assert load_config(SelectConfig, path) == SelectConfig(
        lambdas=(10.0, 80.0), keep={"filtered": "wer <= 80", "unfiltered": ""}
    )
    assert len(SelectConfig().lambdas) == 12
    for text, message in (
        ("profile: sawtt\n", "did you mean sawt"),
        ("lambdas: [-1]\n", "lambdas must be 0 or more"),
        ("lambdas: [5, 5]\n", "each once"),
        ("keep: wer <= 20\n", "keep must be a mapping"),
        ("kep: {}\n", "did you mean keep"),
    ):
        path.write_text(text)
        with pytest.raises(UserError) as error:
            load_config(SelectConfig, path)
        assert message in str(error.value)


def test_the_command_says_what_was_kept_and_a_mended_config_just_runs(one: tuple[Path, Path], tmp_path: Path) -> None:
    config, out = tmp_path / "select.yaml", tmp_path / "out"
    command = [sys.executable, "-m", "toolkit.pseudo.select", "--config", str(config), "--in", *map(str, one)]
    for text, code in (('keep: {f: "wer <= 5, words >= 3"}\n', 1), ('keep: {f: "wer <= 40"}\n', 0)):
        config.write_text(text)
        done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True)
        assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
    assert "f (wer <= 40): kept 3, 0.00 h" in done.stdout and "WER <= 20 (sawt@2): 2 of 4" in done.stdout
    assert read_kept(out, "f") == ["a-1", "a-2", "b-1"]
    assert read_json(out / "record.json")["dropped"] == {"f: wer above 40": 1}
    again = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True)
    assert "is done: nothing to do" in again.stdout


def test_selecting_imports_no_torch() -> None:
    code = "import sys, toolkit.pseudo.select; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
