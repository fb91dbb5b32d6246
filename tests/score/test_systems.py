from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from trials import DIALECTS, SENTENCES, by_turns, many, words, write_heard, write_set, write_trial

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.score.categories import Thresholds
from toolkit.score.hypotheses import Header, Hypothesis, write_hypotheses
from toolkit.score.repetition import repetition
from toolkit.score.system_figures import repeats
from toolkit.score.system_inputs import read_trial
from toolkit.score.systems import SystemsConfig, costs, scores
from toolkit.text.normalise import profile


def found(paths: list[Path], **config: Any) -> dict[str, Any]:
    made = SystemsConfig(**config)
    trial = read_trial(paths, made.min_speakers, made.missing == "empty", made.order, Ledger("score.systems"))
    return scores(trial, made)


def line(tree: dict[str, Any], system: str, set: str, measure: str, dialect: str | None = None) -> dict[str, Any]:
    (one,) = [
        x["scores"]
        for x in tree["lines"]
        if (x["system"], x["set"], x["measure"], x["dialect"]) == (system, set, measure, dialect)
    ]
    return one


def texts_of(trial: list[Path], system: str, name: str) -> tuple[list[str], list[str]]:
    """References and hypotheses as they stand in the files, read by hand."""
    tables = []
    for folder in (next(p for p in trial if p.name == name and p.parent.name == "data"),):
        other = next(p for p in trial if p.name == name and p.parent.name == system)
        for path in (folder, other):
            rows = (row.partition(" ") for row in (path / "text").read_text(encoding="utf-8").splitlines())
            tables.append({id: text for id, _, text in rows})
    return [tables[0][id] for id in sorted(tables[0])], [tables[1][id] for id in sorted(tables[0])]


@pytest.mark.parametrize("name", ["orthographic", "sawt", "to-distill"])
def test_rates_of_every_system_on_every_set_are_jiwers_on_the_normalised_texts(tmp_path: Path, name: str) -> None:
    paths, kind = write_trial(tmp_path), profile(name)
    tree = found(paths, profiles=(name,))
    for system in ("teacher", "undistilled", "filtered"):
        for set in ("test", "clips"):
            references, hypotheses = ([kind(t) for t in texts] for texts in texts_of(paths, system, set))
            assert line(tree, system, set, "WER")[kind.id]["percent"] == pytest.approx(
                100 * jiwer.wer(references, hypotheses)
            )
            assert line(tree, system, set, "CER")[kind.id]["percent"] == pytest.approx(
                100 * jiwer.cer(references, hypotheses)
            )


def test_micro_is_over_the_utterances_and_macro_the_mean_of_the_sets(tmp_path: Path) -> None:
    # 10 words of which 1 is wrong, and 5 of which 4 are: micro 5/15, macro (10 + 80) / 2
    long = {"a": "وين رايحين اليوم يا جماعة", "b": "بدي روح عالسوق بكرا الصبح"}
    short = {"c": "شلونك اليوم عساك طيب اخوي"}
    paths = [write_set(tmp_path / "data/long", long), write_set(tmp_path / "data/short", short)]
    paths.append(write_heard(tmp_path / "e/teacher/long", {"a": words(long["a"], 1), "b": long["b"]}))
    paths.append(write_heard(tmp_path / "e/teacher/short", {"c": words(short["c"], 4)}))
    tree = found(paths, profiles=("orthographic",))
    assert line(tree, "teacher", "all sets", "WER")["orthographic@1"]["percent"] == pytest.approx(100 * 5 / 15)
    assert line(tree, "teacher", "macro over sets", "WER")["orthographic@1"]["percent"] == pytest.approx(45.0)


def test_agreement_is_100_less_the_wer_against_the_teachers_words(tmp_path: Path) -> None:
    reference, teacher, student = "وين رايحين اليوم يا جماعة", "وين رايح اليوم جماعة", "وين رايح هالليوم جماعة"
    paths = [write_set(tmp_path / "data/test", {"a": reference})]
    paths.append(write_heard(tmp_path / "e/teacher/test", {"a": teacher}))
    paths.append(write_heard(tmp_path / "e/student/test", {"a": student}))
    paths.append(write_heard(tmp_path / "e/parrot/test", {"a": teacher}))
    paths.append(write_heard(tmp_path / "e/chatter/test", {"a": " ".join(["لا"] * 9)}))
    alike = {x["system"]: x["scores"]["sawt@1"]["percent"] for x in found(paths)["agreement"]}
    # one of the teacher's four words is another; none is; nine words stand where the teacher has four
    assert alike == {"student": 75.0, "parrot": 100.0, "chatter": 100 - 100 * 9 / 4}


def gap_trial(root: Path, wrong: dict[str, list[int]]) -> list[Path]:
    """A set of utterances of five words, of which each system gets so many wrong."""
    count = len(next(iter(wrong.values())))
    texts = {f"u{i:02d}": "وين رايحين اليوم يا جماعة" for i in range(count)}
    heard = [
        write_heard(root / f"e/{system}/test", {id: words(texts[id], n) for id, n in zip(texts, numbers, strict=True)})
        for system, numbers in wrong.items()
    ]
    return [write_set(root / "data/test", texts), *heard]


def test_the_gap_closed_is_that_of_the_three_error_rates(tmp_path: Path) -> None:
    # of 100 words the floor has 80 wrong, the student 35, the teacher 20: (80 - 35) / (80 - 20) = 0.75
    wrong = {"teacher": [1] * 20, "bare": [4] * 20, "student": [1, 2] * 5 + [2] * 10}
    (gap,) = found(gap_trial(tmp_path, wrong), floor="bare", profiles=("sawt",))["gaps"]
    assert gap["percent"] == pytest.approx(75.0) and gap["why"] == ""
    assert gap["low"] < 75 < gap["high"]


def test_the_interval_of_the_gap_is_that_of_a_bootstrap_written_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    count = 200
    wrong = {
        "bare": rng.integers(3, 6, count),
        "student": rng.integers(1, 4, count),
        "teacher": rng.integers(0, 2, count),
    }
    paths = gap_trial(tmp_path, {system: list(map(int, n)) for system, n in wrong.items()})
    (gap,) = found(paths, floor="bare", profiles=("sawt",))["gaps"]
    shares = []
    for _ in range(4000):
        drawn = rng.integers(0, count, count)
        bare, student, teacher = (wrong[s][drawn].sum() for s in ("bare", "student", "teacher"))
        shares.append(100 * (bare - student) / (bare - teacher))
    low, high = np.percentile(shares, [2.5, 97.5])
    assert (gap["low"], gap["high"]) == pytest.approx((low, high), abs=0.5)


def test_each_of_several_students_is_held_against_its_own_kind(tmp_path: Path) -> None:
    texts = many("u", 20)
    wrong = {"teacher": 0, "A.undistilled": 4, "A.filtered": 1, "A.unfiltered": 2, "B.undistilled": 3, "B.filtered": 1}
    wrong["B.unfiltered"] = 1
    paths = [write_set(tmp_path / "data/test", texts)]
    for system, n in wrong.items():
        paths.append(write_heard(tmp_path / f"e/{system}/test", {id: words(text, n) for id, text in texts.items()}))
    tree = found(paths, floor="undistilled", pairs={"filtered": "unfiltered"}, profiles=("sawt",))
    assert tree["floors"] == {
        "A.filtered": "A.undistilled",
        "A.unfiltered": "A.undistilled",
        "B.filtered": "B.undistilled",
        "B.unfiltered": "B.undistilled",
    }
    shares = {gap["system"]: gap["percent"] for gap in tree["gaps"]}  # of words wrong: (4 - 1) / (4 - 0), and so on
    expected = {"A.filtered": 75.0, "A.unfiltered": 50.0, "B.filtered": 200 / 3, "B.unfiltered": 200 / 3}
    assert shares == {system: pytest.approx(share) for system, share in expected.items()}
    others = {(p["system"], p["other"]) for p in tree["pairs"] if p["other"] != "teacher"}
    own = {("A.filtered", "A.unfiltered"), ("B.filtered", "B.unfiltered")}
    assert others == {*tree["floors"].items(), *own}


def test_a_system_that_is_no_student_has_no_share_of_the_gap(tmp_path: Path) -> None:
    tree = found(write_trial(tmp_path, 12), floor="undistilled", aside=("truth",))
    assert {g["system"] for g in tree["gaps"]} == {"unfiltered", "filtered"}
    assert "truth" in {p["system"] for p in tree["pairs"]}


def test_a_gap_that_may_be_none_has_no_share(tmp_path: Path) -> None:
    wrong = {"teacher": [1, 2] * 5, "bare": [2, 1] * 5, "student": [1] * 10}
    (gap,) = found(gap_trial(tmp_path, wrong), floor="bare", profiles=("sawt",))["gaps"]
    assert gap["percent"] is None and "no gap to close" in gap["why"]


def test_differences_are_system_less_reference_and_holm_is_over_the_sets(tmp_path: Path) -> None:
    tree = found(write_trial(tmp_path), profiles=("sawt",), floor="undistilled", pairs={"filtered": "unfiltered truth"})
    by = {(p["system"], p["other"]): [] for p in tree["pairs"]}
    for p in tree["pairs"]:
        by[p["system"], p["other"]].append(p)
    assert ("filtered", "unfiltered") in by and ("filtered", "truth") in by and ("teacher", "undistilled") not in by
    for (system, other), of_pair in by.items():
        assert [p["set"] for p in of_pair] == ["test", "clips"]
        for p in of_pair:
            a, b = (line(tree, s, p["set"], "WER")["sawt@1"]["percent"] for s in (system, other))
            assert p["bootstrap"]["percent"] == pytest.approx(a - b)
        for test in ("bootstrap", "mapsswe"):  # Holm's step-down of two, written out
            low, high = sorted(of_pair, key=lambda p: p[test]["p"])
            assert low[test]["p_holm"] == pytest.approx(min(1.0, 2 * low[test]["p"]))
            assert high[test]["p_holm"] == pytest.approx(max(low[test]["p_holm"], high[test]["p"]))


def test_blocks_are_speakers_where_there_are_enough_and_utterances_elsewhere(tmp_path: Path) -> None:
    paths = write_trial(tmp_path)
    sets = {s["set"]: s for s in found(paths)["sets"]}
    assert (sets["test"]["blocks"], sets["test"]["speakers"]) == ("speaker", 6)
    assert sets["clips"]["blocks"] == "speaker"  # nine clips, each a speaker of its own
    few = found(paths, min_speakers=7)
    assert few["sets"][0]["blocks"] == "utterance"
    assert line(few, "teacher", "test", "WER")["sawt@1"]["block_count"] == 48
    assert not any("speaker" in f["what"] for f in few["findings"])


def test_dialects_have_lines_where_a_set_has_more_than_one(tmp_path: Path) -> None:
    paths = write_trial(tmp_path)
    tree = found(paths)
    assert {x["set"] for x in tree["lines"] if x["dialect"] in DIALECTS} == {"clips"}
    assert tree["sets"][1]["dialects"] == {"ALG": 1, "JOR": 2, "MSA": 4, "PAL": 1, "UAE": 1}
    references, hypotheses = texts_of(paths, "undistilled", "clips")
    mine = [i for i in range(9) if by_turns(list(many("clip", 9)), DIALECTS)[f"clip-{i:03d}"] == "JOR"]
    expected = jiwer.wer([references[i] for i in mine], [hypotheses[i] for i in mine])
    assert line(tree, "undistilled", "clips", "WER", "JOR")["orthographic@1"]["percent"] == pytest.approx(
        100 * expected
    )


def test_means_over_sets_are_kept_from_a_system_that_lacks_one(tmp_path: Path) -> None:
    paths = [p for p in write_trial(tmp_path) if p.parent.name != "truth" or p.name != "clips"]
    ledger = Ledger("score.systems")
    read_trial(paths, 5, False, (), ledger)
    assert ledger.rows == [("truth on clips", "score.systems", "no hypotheses among the inputs", "")]
    tree = found(paths)
    assert tree["lacking"] == [("truth", "clips")]
    assert {x["set"] for x in tree["lines"] if x["system"] == "truth"} == {"test"}
    assert {x["set"] for x in tree["agreement"] if x["system"] == "truth"} == {"test"}
    assert "macro over sets" in {x["set"] for x in tree["lines"] if x["system"] == "filtered"}


def test_what_no_system_heard_is_left_out_with_a_row_and_what_one_did_not_is_refused(tmp_path: Path) -> None:
    texts = many("u", 4)
    data = write_set(tmp_path / "data/test", texts)
    heard = {id: text for id, text in texts.items() if id != "u-003"}
    teacher = write_heard(tmp_path / "e/teacher/test", heard)
    student = write_heard(tmp_path / "e/student/test", {**heard})
    ledger = Ledger("score.systems")
    trial = read_trial([data, teacher, student], 5, False, (), ledger)
    assert ledger.rows == [("u-003", "score.systems", "heard by no system", "set test")]
    assert trial.pairs["student", "test"].ids == ["u-000", "u-001", "u-002"]
    write_heard(tmp_path / "e/student/test", {"u-000": texts["u-000"]})
    with pytest.raises(UserError, match=r"student on test: 2 \(u-001, u-002\) of 3"):
        read_trial([data, teacher, student], 5, False, (), Ledger(""))
    as_empty = found([data, teacher, student], missing="empty", profiles=("orthographic",))
    counts = line(as_empty, "student", "test", "WER")["orthographic@1"]
    assert counts["deletions"] == sum(len(texts[id].split()) for id in ("u-001", "u-002"))


def test_empty_predictions_are_all_deletions_and_are_told(tmp_path: Path) -> None:
    texts = many("u", 3)
    data = write_set(tmp_path / "data/test", texts)
    paths = [data, write_heard(tmp_path / "e/teacher/test", dict.fromkeys(texts, ""))]
    tree = found(paths)
    assert line(tree, "teacher", "test", "WER")["sawt@1"]["percent"] == 100.0
    told = {f["what"]: f["count"] for f in tree["findings"]}
    assert told["empty hypotheses under sawt@1"] == 3


def damaged(root: Path, name: str, content: bytes) -> Path:
    """A folder of hypotheses with one file overwritten."""
    folder = write_heard(root / "e/student/test", many("u", 3))
    (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("mend", "said"),
    [
        (lambda r: write_heard(r / "e/teacher/tset", many("u", 3)), "set tset, which is not among the inputs"),
        (lambda r: write_heard(r / "f/teacher/test", many("u", 3)), "two folders of teacher on test"),
        (lambda r: write_set(r / "other/test", many("u", 3)), "two data directories are called test"),
        (lambda r: (r / "nothing").mkdir() or r / "nothing", "neither a data directory with references nor"),
        (
            lambda r: write_heard(r / "e/student/test", many("v", 3)),
            "utterances that some systems heard and others did",
        ),
        (
            lambda r: write_heard(r / "e/student/test", many("u", 3), set="dev"),
            "of the set dev in a folder called test",
        ),
        (lambda r: write_heard(r / "e/student/test", many("u", 3), decode_seconds=-1), "decode_seconds is -1"),
        (lambda r: write_set(r / "data/more", many("w", 3)), "no system was tried on the set more"),
        (lambda r: write_heard(r / "e/my student/test", many("u", 3)), "a folder whose name has .*: 'my student'"),
        (lambda r: damaged(r, "text", b"u-000 \xff\n"), "no UTF-8: byte 0xFF at column 7"),
        (lambda r: damaged(r, "text", "u-000 وين\0\n".encode()), "a NUL character"),
        (lambda r: damaged(r, "text", b""), "no utterance in a file of texts"),
        (lambda r: damaged(r, "header.json", b"[]"), "it holds no mapping"),
        (lambda r: damaged(r, "header.json", b'{"model": 3}'), "model is 3"),
        (lambda r: damaged(r, "speed.json", b"{"), "not JSON"),
        (lambda r: damaged(r, "hypotheses.jsonl", b'{"id": "u"}\n'), "hypotheses.jsonl, line 1"),
        (lambda r: damaged(r, "hypotheses.jsonl", b"[" * 100_000), "hypotheses.jsonl, line 1"),
    ],
)
def test_inputs_that_do_not_belong_together_are_refused(tmp_path: Path, mend: Any, said: str) -> None:
    texts = many("u", 3)
    paths = [write_set(tmp_path / "data/test", texts), write_heard(tmp_path / "e/teacher/test", texts)]
    with pytest.raises(UserError) as e:
        read_trial([*paths, mend(tmp_path)], 5, False, (), Ledger(""))
    assert re.search(said, str(e.value))


def test_one_system_is_one_model(tmp_path: Path) -> None:
    paths = [write_set(tmp_path / f"data/{name}", many(name, 2)) for name in ("a", "b")]
    paths += [write_heard(tmp_path / f"e/teacher/{n}", many(n, 2), model_hash=f"of {n}") for n in ("a", "b")]
    with pytest.raises(UserError, match="another model on b"):
        found(paths)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"reference": "techer"}, "no hypotheses of the system techer"),
        ({"floor": "bare"}, "no hypotheses of the system bare"),
        ({"pairs": {"filtered": "all"}}, "no hypotheses of the system all"),
        ({"order": ("teachers",)}, "no hypotheses of the system teachers"),
        ({"aside": ("undistiled",)}, "no hypotheses of the system undistiled"),
    ],
)
def test_a_system_that_the_config_alone_knows_is_refused(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        found(write_trial(tmp_path, 8), **config)


def test_a_system_that_another_run_had_is_passed_over_and_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A teacher is adapted in one run and not in the next, of the same config."""
    tree = found(write_trial(tmp_path, 8), aside=("unadapted",), order=("unadapted", "truth"))
    assert tree["aside"] == [] and tree["systems"][0]["system"] == "truth"
    said = capsys.readouterr().out
    assert "aside: there is no system unadapted in this run" in said and "order: there is no" in said


def test_a_loop_counts_as_repetition_whatever_the_reference_says() -> None:
    limits = Thresholds()
    assert repeats(repetition("اشتركوا في القناة " * 4), limits)
    assert not any(repeats(repetition(text), limits) for text in SENTENCES)
    assert not repeats(repetition("لا لا لا"), limits)  # a speaker's own


def test_shares_of_repetition_and_of_categories_are_counts_of_utterances(tmp_path: Path) -> None:
    texts = many("u", 4)
    loops = {id: "اشتركوا في القناة " * 6 if id == "u-002" else t for id, t in texts.items()}
    data = write_set(tmp_path / "data/test", texts)
    teacher = write_heard(tmp_path / "e/teacher/test", {**loops, "u-001": ""})
    told = run(tmp_path, [data, teacher])["categories"][0]
    assert (told["repeating"], told["empty"], told["cut_off"], told["utterances"]) == (1, 1, 0, 4)
    of = {name: c["count"] for name, c in told["micro"]["categories"].items() if c["count"]}
    assert of == {"correct": 2, "empty": 1, "deterioration": 1}


def test_texts_that_end_at_the_limit_of_tokens_are_counted(tmp_path: Path) -> None:
    texts = many("u", 3)
    folder = write_heard(tmp_path / "e/teacher/test", texts)
    rows = [Hypothesis(id, text, 4.0, "ar", ended=id != "u-001") for id, text in texts.items()]
    write_hypotheses(folder, rows, Header("tiny", "h", 1, "test"))
    told = run(tmp_path, [write_set(tmp_path / "data/test", texts), folder])["categories"][0]
    assert told["cut_off"] == 1


def test_speed_and_memory_are_those_of_the_folder_and_stay_out_of_the_scores(tmp_path: Path) -> None:
    texts = many("u", 3)
    paths = [write_set(tmp_path / "data/test", texts), write_heard(tmp_path / "e/teacher/test", texts)]
    trial = read_trial(paths, 5, False, (), Ledger(""))
    assert [(row["rtf"], row["peak_memory_mb"]) for row in costs(trial)] == [(0.25, 512.0)]
    assert "decode_seconds" not in json.dumps(found(paths))
    (paths[1] / "speed.json").unlink()
    assert costs(read_trial(paths, 5, False, (), Ledger(""))) == []


def run(root: Path, paths: list[Path], *flags: str) -> dict[str, Any]:
    """systems.json of the step, run as a recipe does."""
    out = root / "scores"
    words = ["-m", "toolkit.score.systems", "--in", *map(str, paths), "--out", str(out), *flags]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tree: dict[str, Any] = json.loads((out / "systems.json").read_text(encoding="utf-8"))
    return tree


def test_the_step_writes_the_same_bytes_again_and_a_page_for_each_system_and_set(tmp_path: Path) -> None:
    paths = write_trial(tmp_path, 12)
    flags = ("--floor", "undistilled", "--pairs", "filtered=unfiltered", "--order", "teacher undistilled")
    tree = run(tmp_path / "1", paths, *flags)
    assert run(tmp_path / "2", paths, *flags) == tree
    assert [s["system"] for s in tree["systems"]][:2] == ["teacher", "undistilled"]
    pages = sorted((tmp_path / "1/scores/inspect").glob("*/*/index.html"))
    assert len(pages) == 10
    assert [p.read_bytes() for p in pages] == [
        p.read_bytes() for p in sorted((tmp_path / "2/scores/inspect").glob("*/*/index.html"))
    ]
    assert {e["set"] for e in tree["examples"]} == {"test", "clips"}
    assert all(set(e["hypotheses"]) == {s["system"] for s in tree["systems"]} for e in tree["examples"])


def test_a_mistake_of_a_user_has_no_traceback(tmp_path: Path) -> None:
    data = write_set(tmp_path / "data/test", many("u", 2))
    words = ["-m", "toolkit.score.systems", "--in", str(data), "--out", str(tmp_path / "o")]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 1 and "no hypotheses among the inputs" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_no_student_learnt_from_is_held_against_nothing_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("teacher", "A.undistilled", "A.filtered", "A.unfiltered", "B.undistilled", "B.wer10")
    trial = gap_trial(tmp_path, {name: [i % 3] * 10 for i, name in enumerate(names)})
    usual = found(trial, profiles=("sawt",))["pairs"]
    more = found(trial, profiles=("sawt",), pairs={"filtered": "unfiltered truth", "wer40": "wer10"})["pairs"]
    assert [(p["system"], p["other"]) for p in more if p not in usual] == [("A.filtered", "A.unfiltered")]
    said = capsys.readouterr().out
    assert "no student learnt from truth" in said and "no student learnt from wer40" in said
    with pytest.raises(UserError, match="no hypotheses of the system"):
        found(trial, profiles=("sawt",), pairs={"A.filterd": "A.unfiltered"})
