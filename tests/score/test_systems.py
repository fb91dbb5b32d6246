from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from trials import DIALECTS, SENTENCES, by_turns, many, words, write_heard, write_set, write_trial

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.core.results import Figure, Pair
from toolkit.core.schema import dump, read, read_list
from toolkit.core.systems_results import ALL, MACRO, SystemCost, SystemsResult
from toolkit.score.categories import Thresholds
from toolkit.score.hypotheses import Header, Hypothesis, write_hypotheses
from toolkit.score.items import difference, figure, read_items
from toolkit.score.repetition import repetition
from toolkit.score.system_figures import repeats
from toolkit.score.system_inputs import read_trial
from toolkit.score.systems import SystemsConfig, all_items, costs, scores
from toolkit.text.normalise import profile

SAWT = profile("sawt").id


def scored(paths: list[Path], **config: Any) -> SystemsResult:
    made = SystemsConfig(**config)
    trial = read_trial(paths, made.min_speakers, made.missing == "empty", made.order, Ledger("score.systems"))
    return scores(trial, made, all_items(trial, made))


def rate(result: SystemsResult, system: str, task: str, metric: str, profile: str, group: str = "") -> Figure:
    of_task = result.result(system, task)
    chosen = of_task and of_task.figure(metric, profile, group)
    assert chosen is not None
    return chosen


def gaps(result: SystemsResult) -> list[tuple[str, Figure]]:
    """(system, share of the gap that it closes)."""
    return [(r.system, f) for r in result.results for f in r.figures if f.metric.name == "gap_closed"]


def texts_of(trial: list[Path], system: str, name: str) -> tuple[list[str], list[str]]:
    """References and hypotheses as they stand in the files, read by hand."""
    tables = []
    for folder in (next(p for p in trial if p.name == name and p.parent.name == "data"),):
        written = next(p for p in trial if p.name == name and p.parent.name == system)
        for path in (folder, written):
            rows = (row.partition(" ") for row in (path / "text").read_text(encoding="utf-8").splitlines())
            tables.append({id: text for id, _, text in rows})
    return [tables[0][id] for id in sorted(tables[0])], [tables[1][id] for id in sorted(tables[0])]


@pytest.mark.parametrize("name", ["orthographic", "sawt", "to-distill"])
def test_rates_of_every_system_on_every_set_are_jiwers_on_the_normalised_texts(tmp_path: Path, name: str) -> None:
    paths, kind = write_trial(tmp_path), profile(name)
    result = scored(paths, profiles=(name,))
    for system in ("teacher", "undistilled", "filtered"):
        for set in ("test", "clips"):
            references, hypotheses = ([kind(t) for t in texts] for texts in texts_of(paths, system, set))
            for metric, oracle in (("wer", jiwer.wer), ("cer", jiwer.cer)):
                expected = 100 * oracle(references, hypotheses)
                assert rate(result, system, set, metric, kind.id).value == pytest.approx(expected)


def test_micro_is_over_the_utterances_and_macro_the_mean_of_the_sets(tmp_path: Path) -> None:
    # 10 words of which 1 is wrong, and 5 of which 4 are: micro 5/15, macro (10 + 80) / 2
    long = {"a": "وين رايحين اليوم يا جماعة", "b": "بدي روح عالسوق بكرا الصبح"}
    short = {"c": "شلونك اليوم عساك طيب اخوي"}
    paths = [write_set(tmp_path / "data/long", long), write_set(tmp_path / "data/short", short)]
    paths.append(write_heard(tmp_path / "e/teacher/long", {"a": words(long["a"], 1), "b": long["b"]}))
    paths.append(write_heard(tmp_path / "e/teacher/short", {"c": words(short["c"], 4)}))
    result = scored(paths, profiles=("orthographic",))
    micro, macro = (rate(result, "teacher", task, "wer", "orthographic@1") for task in (ALL, MACRO))
    assert micro.value == pytest.approx(100 * 5 / 15) and (micro.n, micro.unit_of_n) == (3, "utterances")
    assert macro.value == pytest.approx(45.0) and (macro.n, macro.unit_of_n) == (2, "sets")
    assert [(t.name, t.kind, t.utterances) for t in result.tests] == [
        ("long", "set", 2),
        ("short", "set", 1),
        (ALL, "all", 3),
        (MACRO, "macro", 3),
    ]


def test_agreement_is_100_less_the_wer_against_the_teachers_words(tmp_path: Path) -> None:
    reference, teacher, student = "وين رايحين اليوم يا جماعة", "وين رايح اليوم جماعة", "وين رايح هالليوم جماعة"
    paths = [write_set(tmp_path / "data/test", {"a": reference})]
    paths.append(write_heard(tmp_path / "e/teacher/test", {"a": teacher}))
    paths.append(write_heard(tmp_path / "e/student/test", {"a": student}))
    paths.append(write_heard(tmp_path / "e/parrot/test", {"a": teacher}))
    paths.append(write_heard(tmp_path / "e/chatter/test", {"a": " ".join(["لا"] * 9)}))
    result = scored(paths)
    alike = {
        system: rate(result, system, "test", "agreement", SAWT).value for system in ("student", "parrot", "chatter")
    }
    # one of the teacher's four words is another; none is; nine words stand where the teacher has four
    assert alike == {"student": 75.0, "parrot": 100.0, "chatter": 100 - 100 * 9 / 4}
    of_teacher = result.result("teacher", "test")
    assert of_teacher is not None and of_teacher.figure("agreement", SAWT) is None


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
    result = scored(gap_trial(tmp_path, wrong), floor="bare", profiles=("sawt",))
    ((system, gap),) = gaps(result)
    assert system == "student" and gap.value == pytest.approx(75.0) and result.unmeasured == ()
    assert gap.low is not None and gap.high is not None and gap.low < 75 < gap.high


def test_the_interval_of_the_gap_is_that_of_a_bootstrap_written_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    count = 200
    wrong = {
        "bare": rng.integers(3, 6, count),
        "student": rng.integers(1, 4, count),
        "teacher": rng.integers(0, 2, count),
    }
    paths = gap_trial(tmp_path, {system: list(map(int, n)) for system, n in wrong.items()})
    ((_, gap),) = gaps(scored(paths, floor="bare", profiles=("sawt",)))
    shares = []
    for _ in range(4000):
        drawn = rng.integers(0, count, count)
        bare, student, teacher = (wrong[s][drawn].sum() for s in ("bare", "student", "teacher"))
        shares.append(100 * (bare - student) / (bare - teacher))
    low, high = np.percentile(shares, [2.5, 97.5])
    assert (gap.low, gap.high) == pytest.approx((low, high), abs=0.5)


def test_each_of_several_students_is_held_against_its_own_kind(tmp_path: Path) -> None:
    texts = many("u", 20)
    wrong = {"teacher": 0, "A.undistilled": 4, "A.filtered": 1, "A.unfiltered": 2, "B.undistilled": 3, "B.filtered": 1}
    wrong["B.unfiltered"] = 1
    paths = [write_set(tmp_path / "data/test", texts)]
    for system, n in wrong.items():
        paths.append(write_heard(tmp_path / f"e/{system}/test", {id: words(text, n) for id, text in texts.items()}))
    result = scored(paths, floor="undistilled", pairs={"filtered": "unfiltered"}, profiles=("sawt",))
    assert result.floors == {
        "A.filtered": "A.undistilled",
        "A.unfiltered": "A.undistilled",
        "B.filtered": "B.undistilled",
        "B.unfiltered": "B.undistilled",
    }
    shares = {system: gap.value for system, gap in gaps(result)}  # of words wrong: (4 - 1) / (4 - 0), and so on
    expected = {"A.filtered": 75.0, "A.unfiltered": 50.0, "B.filtered": 200 / 3, "B.unfiltered": 200 / 3}
    assert shares == {system: pytest.approx(share) for system, share in expected.items()}
    others = {(p.system, p.against) for p in result.pairs if p.against != "teacher"}
    own = {("A.filtered", "A.unfiltered"), ("B.filtered", "B.unfiltered")}
    assert others == {*result.floors.items(), *own}


def test_a_system_that_is_no_student_has_no_share_of_the_gap(tmp_path: Path) -> None:
    result = scored(write_trial(tmp_path, 12), floor="undistilled", aside=("truth",))
    assert {system for system, _ in gaps(result)} == {"unfiltered", "filtered"}
    assert "truth" in {p.system for p in result.pairs}


def test_a_gap_that_may_be_none_has_no_share(tmp_path: Path) -> None:
    wrong = {"teacher": [1, 2] * 5, "bare": [2, 1] * 5, "student": [1] * 10}
    result = scored(gap_trial(tmp_path, wrong), floor="bare", profiles=("sawt",))
    (reason,) = result.unmeasured
    assert gaps(result) == [] and "no gap to close" in reason.why
    assert (reason.system, reason.task, reason.metric, reason.profile) == ("student", "test", "gap_closed", SAWT)


def test_differences_are_system_less_reference_and_holm_is_over_the_sets(tmp_path: Path) -> None:
    pairs = {"filtered": "unfiltered truth"}
    result = scored(write_trial(tmp_path), profiles=("sawt",), floor="undistilled", pairs=pairs)
    by: dict[tuple[str, str], list[Pair]] = {}
    for p in result.pairs:
        by.setdefault((p.system, p.against), []).append(p)
    assert ("filtered", "unfiltered") in by and ("filtered", "truth") in by and ("teacher", "undistilled") not in by
    for (system, rival), of_pair in by.items():
        assert [p.task for p in of_pair] == ["test", "clips"]
        for p in of_pair:
            a, b = (rate(result, s, p.task, "wer", SAWT).value for s in (system, rival))
            assert p.difference.value == pytest.approx(a - b) and p.difference.profile == SAWT
        bootstrap = [(p.p, p.p_holm) for p in of_pair]
        mapsswe = [(p.further["mapsswe"]["p"], p.further["mapsswe"]["p_holm"]) for p in of_pair]
        for test in (bootstrap, mapsswe):  # Holm's step-down of two, written out
            low, high = sorted(test)
            assert low[1] == pytest.approx(min(1.0, 2 * low[0]))
            assert high[1] == pytest.approx(max(low[1], high[0]))


def test_blocks_are_speakers_where_there_are_enough_and_utterances_elsewhere(tmp_path: Path) -> None:
    paths = write_trial(tmp_path)
    blocks = {t.name: (t.blocks, t.speakers) for t in scored(paths).tests}
    assert blocks["test"] == ("speaker", 6)
    assert blocks["clips"] == ("speaker", 9)  # each a speaker of its own
    assert blocks[ALL][0] == blocks[MACRO][0] == "speaker"
    few = scored(paths, min_speakers=7)
    blocks = {t.name: (t.blocks, t.speakers) for t in few.tests}
    assert blocks["test"] == ("utterance", None) and blocks[ALL] == ("utterance or speaker", None)
    of_test, of_all = (rate(few, "teacher", task, "wer", SAWT) for task in ("test", ALL))
    assert (of_test.blocks, of_test.block_count) == ("utterance", 48)
    assert (of_all.blocks, of_all.block_count) == ("utterance or speaker", 57)
    assert not any("speaker" in f.finding for f in few.findings)


def test_dialects_have_lines_where_a_set_has_more_than_one(tmp_path: Path) -> None:
    paths = write_trial(tmp_path)
    result = scored(paths)
    groups = {(r.task, f.group) for r in result.results for f in r.figures if f.group}
    assert groups == {("clips", group) for group in {*DIALECTS, MACRO}}
    assert result.tests[1].dialects == {"ALG": 1, "JOR": 2, "MSA": 4, "PAL": 1, "UAE": 1}
    references, hypotheses = texts_of(paths, "undistilled", "clips")
    mine = [i for i in range(9) if by_turns(list(many("clip", 9)), DIALECTS)[f"clip-{i:03d}"] == "JOR"]
    expected = 100 * jiwer.wer([references[i] for i in mine], [hypotheses[i] for i in mine])
    of_jordan = rate(result, "undistilled", "clips", "wer", "orthographic@1", "JOR")
    assert of_jordan.value == pytest.approx(expected) and of_jordan.n == 2
    macro = rate(result, "undistilled", "clips", "wer", "orthographic@1", MACRO)
    each = [rate(result, "undistilled", "clips", "wer", "orthographic@1", name).value for name in set(DIALECTS)]
    assert macro.value == pytest.approx(sum(each) / 5) and (macro.n, macro.unit_of_n) == (5, "dialects")


def test_a_dialect_that_a_table_does_not_know_is_in_no_mean_of_dialects(tmp_path: Path) -> None:
    texts = many("u", 6)
    paths = [write_set(tmp_path / "data/test", texts, dialects=by_turns(list(texts), ("MSA", "EGY", "غير_معروف")))]
    wrong = {id: "س" if i % 3 == 0 else text for i, (id, text) in enumerate(texts.items())}
    result = scored([*paths, write_heard(tmp_path / "e/teacher/test", wrong)])
    assert result.tests[0].dialects == {"EGY": 2, "MSA": 2, "unknown": 2}
    macro = rate(result, "teacher", "test", "wer", "orthographic@1", MACRO)
    assert (macro.value, macro.n) == (50, 2)
    (told,) = [f for f in result.findings if "without a dialect" in f.finding]
    assert told.count == 2


def test_a_dialect_that_is_called_as_their_mean_is_refused(tmp_path: Path) -> None:
    texts = many("u", 2)
    paths = [write_set(tmp_path / "data/test", texts, dialects=by_turns(list(texts), ("MSA", MACRO)))]
    with pytest.raises(UserError, match="utt2lang"):
        scored([*paths, write_heard(tmp_path / "e/teacher/test", texts)])


def test_means_over_sets_are_kept_from_a_system_that_lacks_one(tmp_path: Path) -> None:
    paths = [p for p in write_trial(tmp_path) if p.parent.name != "truth" or p.name != "clips"]
    ledger = Ledger("score.systems")
    read_trial(paths, 5, False, (), ledger)
    assert ledger.rows == [("truth on clips", "score.systems", "no hypotheses among the inputs", "")]
    result = scored(paths)
    assert [(x.system, x.task) for x in result.lacking] == [("truth", "clips")]
    assert [r.task for r in result.results if r.system == "truth"] == ["test"]
    assert [r.task for r in result.results if r.system == "filtered"] == ["test", "clips", ALL, MACRO]
    assert rate(result, "filtered", ALL, "agreement", SAWT).n == 57


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
    as_empty = scored([data, teacher, student], missing="empty", profiles=("orthographic",))
    (counts,) = [c for c in as_empty.counts if (c.system, c.metric) == ("student", "wer")]
    assert counts.deletions == sum(len(texts[id].split()) for id in ("u-001", "u-002"))


def test_empty_predictions_are_all_deletions_and_are_told(tmp_path: Path) -> None:
    texts = many("u", 3)
    data = write_set(tmp_path / "data/test", texts)
    paths = [data, write_heard(tmp_path / "e/teacher/test", dict.fromkeys(texts, ""))]
    result = scored(paths)
    assert rate(result, "teacher", "test", "wer", SAWT).value == 100.0
    counts = {f.finding: f.count for f in result.findings}
    assert counts[f"empty hypotheses under {SAWT}"] == 3


def damaged(root: Path, name: str, content: bytes) -> Path:
    """A folder of hypotheses with one file overwritten."""
    folder = write_heard(root / "e/student/test", many("u", 3))
    (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("mend", "message"),
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
        (lambda r: damaged(r, "text", "u-000 وين\0\n".encode()), "a NUL: no text"),
        (lambda r: damaged(r, "text", b""), "no utterance in a file of texts"),
        (lambda r: damaged(r, "header.json", b"[]"), "it holds no mapping"),
        (lambda r: damaged(r, "header.json", b'{"model": 3}'), "model is 3"),
        (lambda r: damaged(r, "speed.json", b"{"), "not JSON"),
        (lambda r: damaged(r, "hypotheses.jsonl", b'{"id": "u"}\n'), "hypotheses.jsonl, line 1"),
        (lambda r: damaged(r, "hypotheses.jsonl", b"[" * 100_000), "hypotheses.jsonl, line 1"),
    ],
)
def test_inputs_that_do_not_belong_together_are_refused(tmp_path: Path, mend: Any, message: str) -> None:
    texts = many("u", 3)
    paths = [write_set(tmp_path / "data/test", texts), write_heard(tmp_path / "e/teacher/test", texts)]
    with pytest.raises(UserError) as e:
        read_trial([*paths, mend(tmp_path)], 5, False, (), Ledger(""))
    assert re.search(message, str(e.value))


def test_one_system_is_one_model(tmp_path: Path) -> None:
    paths = [write_set(tmp_path / f"data/{name}", many(name, 2)) for name in ("a", "b")]
    paths += [write_heard(tmp_path / f"e/teacher/{n}", many(n, 2), model_hash=f"of {n}") for n in ("a", "b")]
    with pytest.raises(UserError, match="another model on b"):
        scored(paths)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"reference": "techer"}, "no hypotheses of the system techer"),
        ({"floor": "bare"}, "no hypotheses of the system bare"),
        ({"pairs": {"filtered": "all"}}, "no hypotheses of the system all"),
        ({"order": ("teachers",)}, "no hypotheses of the system teachers"),
        ({"aside": ("undistiled",)}, "no hypotheses of the system undistiled"),
    ],
)
def test_a_system_that_the_config_alone_knows_is_refused(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        scored(write_trial(tmp_path, 8), **config)


def test_a_system_that_another_run_had_is_passed_over_and_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A teacher is adapted in one run and not in the next, of the same config."""
    result = scored(write_trial(tmp_path, 8), aside=("unadapted",), order=("unadapted", "truth"))
    assert result.aside == () and result.systems[0].name == "truth"
    printed = capsys.readouterr().out
    assert "aside: there is no system unadapted in this run" in printed and "order: there is no" in printed


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
    (counted,) = run(tmp_path, [data, teacher]).categories
    assert (counted.repeating, counted.empty, counted.cut_off, counted.utterances) == (1, 1, 0, 4)
    shares = {name: (share.count, share.percent) for name, share in counted.whole.categories.items() if share.count}
    assert shares == {"correct": (2, 50.0), "empty": (1, 25.0), "deterioration": (1, 25.0)}


def test_texts_that_end_at_the_limit_of_tokens_are_counted(tmp_path: Path) -> None:
    texts = many("u", 3)
    folder = write_heard(tmp_path / "e/teacher/test", texts)
    rows = [Hypothesis(id, text, 4.0, "ar", ended=id != "u-001") for id, text in texts.items()]
    write_hypotheses(folder, rows, Header("tiny", "h", 1, "test"))
    (counted,) = run(tmp_path, [write_set(tmp_path / "data/test", texts), folder]).categories
    assert counted.cut_off == 1


def test_speed_and_memory_are_those_of_the_folder_and_stay_out_of_the_scores(tmp_path: Path) -> None:
    texts = many("u", 3)
    paths = [write_set(tmp_path / "data/test", texts), write_heard(tmp_path / "e/teacher/test", texts)]
    trial = read_trial(paths, 5, False, (), Ledger(""))
    (row,) = costs(trial)
    assert (row.system, row.task, row.decode_seconds) == ("teacher", "test", 3.0)
    assert (row.cost.rtf, row.cost.peak_mb, row.cost.seconds_of_audio, row.cost.threads) == (0.25, 512.0, 12.0, 2)
    assert "seconds" not in json.dumps(dump(scored(paths)))
    (paths[1] / "speed.json").unlink()
    assert costs(read_trial(paths, 5, False, (), Ledger(""))) == []
    write_heard(tmp_path / "e/teacher/test", texts, threads="two")
    with pytest.raises(UserError, match="threads is 'two', not a whole number"):
        costs(read_trial(paths, 5, False, (), Ledger("")))


def damage(path: Path, reason: str) -> UserError:
    return UserError(reason, str(path))


def run(root: Path, paths: list[Path], *flags: str) -> SystemsResult:
    """systems.json of the step, run as a recipe does."""
    out = root / "scores"
    words = ["-m", "toolkit.score.systems", "--in", *map(str, paths), "--out", str(out), *flags]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return read(SystemsResult, out / "systems.json", damage)


def test_the_step_writes_the_same_bytes_again_and_a_page_for_each_system_and_set(tmp_path: Path) -> None:
    paths = write_trial(tmp_path, 12)
    flags = ("--floor", "undistilled", "--pairs", "filtered=unfiltered", "--order", "teacher undistilled")
    result = run(tmp_path / "1", paths, *flags)
    assert run(tmp_path / "2", paths, *flags) == result
    assert [s.name for s in result.systems][:2] == ["teacher", "undistilled"]
    for pattern in ("inspect/*/*/index.html", "*/*.items.tsv", "systems.json"):
        one, two = (sorted((tmp_path / f"{k}/scores").glob(pattern)) for k in (1, 2))
        assert len(one) == (1 if pattern == "systems.json" else 10)
        assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert {e.task for e in result.examples} == {"test", "clips"}
    assert all(set(e.hypotheses) == {s.name for s in result.systems} for e in result.examples)
    assert len(read_list(SystemCost, tmp_path / "1/scores/cost.json", damage)) == 10


@pytest.mark.parametrize("name", ["orthographic", "sawt", "to-distill"])
def test_figures_and_differences_are_computed_again_from_the_items(tmp_path: Path, name: str) -> None:
    flags = ("--profiles", f"orthographic {name}", "--pairs", "filtered=unfiltered", "--seed", "3")
    result = run(tmp_path, write_trial(tmp_path), *flags)
    tables = {
        (r.system, r.task): read_items(tmp_path / f"scores/{r.system}/{r.task}.items.tsv", "utterances", damage)
        for r in result.results
        if r.task in ("test", "clips")
    }
    assert len(tables) == 10
    for (system, task), items in tables.items():
        of_task = result.result(system, task)
        assert of_task is not None and items.digest == of_task.references
        assert of_task.decides == rate(result, system, task, "wer", profile(name).id)
        for metric in ("wer", "cer"):
            was = rate(result, system, task, metric, profile(name).id)
            again = figure(was.metric, items, by_speaker=was.blocks == "speaker", seed=3)
            assert replace(again, profile=was.profile) == was
    for p in result.pairs:
        if p.difference.profile == profile(name).id and p.difference.has_interval:
            one, two = (tables[system, p.task] for system in (p.system, p.against))
            again = difference(p.difference.metric, one, two, seed=3)
            assert replace(again, profile=p.difference.profile) == p.difference


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
    usual = scored(trial, profiles=("sawt",)).pairs
    more = scored(trial, profiles=("sawt",), pairs={"filtered": "unfiltered truth", "wer40": "wer10"}).pairs
    assert [(p.system, p.against) for p in more if p not in usual] == [("A.filtered", "A.unfiltered")]
    printed = capsys.readouterr().out
    assert "no student learnt from truth" in printed and "no student learnt from wer40" in printed
    with pytest.raises(UserError, match="no hypotheses of the system"):
        scored(trial, profiles=("sawt",), pairs={"A.filterd": "A.unfiltered"})
