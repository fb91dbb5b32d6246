"""Scores of answers: ROUGE as rouge-score with our tokenizer, chrF as sacrebleu, F1 as scikit-learn; labels by rule."""

import json
from pathlib import Path

import numpy as np
import omnis
import pytest
from rouge_score import rouge_scorer
from sacrebleu.metrics import CHRF
from sklearn.metrics import f1_score

from toolkit.core.errors import UserError
from toolkit.core.results import Confusion
from toolkit.data.instruct_items import Item, ItemTask, read_part
from toolkit.score.answer_labels import OUTSIDE, LabelReader
from toolkit.score.answers import constant_of, floor_of, result_of, run
from toolkit.score.classification import macro_f1_of_sums, weighted_f1_of_sums
from toolkit.score.config import AnswersConfig
from toolkit.score.given_answers import AnswersHeader, GivenAnswer, read_answers, write_answers
from toolkit.score.rouge import chrf, rouge_l, rouge_n
from toolkit.text.normalise import profile

WORDS = ["يسأل", "عن", "سعر", "السمك", "في", "السوق", "اليوم", "قبل", "الظهر", "COVID", "19", "قهوة", "شاي", "مدرسة"]


def texts(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(0, 12))) for _ in range(count)]


class OnSpaces:
    """A tokenizer for rouge-score that keeps Arabic: its own deletes it."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


@pytest.mark.parametrize("seed", range(3))
def test_rouge_is_that_of_rouge_score(seed: int) -> None:
    oracle = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=OnSpaces())
    for reference, answer in zip(texts(60, seed), texts(60, seed + 10), strict=True):
        scores, (a, b) = oracle.score(reference, answer), (reference.split(), answer.split())
        ours = (rouge_n(a, b, 1), rouge_n(a, b, 2), rouge_l(a, b))
        assert ours == pytest.approx([scores[n].fmeasure for n in ("rouge1", "rouge2", "rougeL")], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_chrf_is_that_of_sacrebleu(seed: int) -> None:
    oracle = CHRF()
    for reference, answer in zip(texts(60, seed), texts(60, seed + 10), strict=True):
        assert 100 * chrf(reference, answer) == pytest.approx(
            oracle.sentence_score(answer, [reference]).score, abs=1e-9
        )


def test_unrelated_arabic_scores_nothing_and_equal_texts_score_all() -> None:
    assert rouge_l(["ذهب", "الولد"], ["شربت", "القهوة"]) == 0 and rouge_n([], ["نعم"], 1) == 0
    assert rouge_l(["ذهب", "الولد"], ["ذهب", "الولد"]) == 1 == chrf("ذهب الولد", "ذهب الولد")


@pytest.mark.parametrize("seed", range(4))
def test_f1_over_the_label_set_is_that_of_scikit_learn(seed: int) -> None:
    random, labels = np.random.default_rng(seed), ["ALG", "EGY", "MSA"]
    references = [str(x) for x in random.choice(labels, 80, p=[0.6, 0.3, 0.1])]
    answers = [str(x) for x in random.choice([*labels, OUTSIDE], 80)]
    from toolkit.score.classification import confusion_matrix, label_sums

    counts = confusion_matrix(references, answers, [*labels, OUTSIDE])
    sums = label_sums(counts[None])
    for average, ours in (("macro", macro_f1_of_sums), ("weighted", weighted_f1_of_sums)):
        wanted = f1_score(references, answers, labels=labels, average=average, zero_division=0)
        assert ours(sums)[0] == pytest.approx(wanted, abs=1e-12)
    wrong = f1_score(references, answers, average="macro", zero_division=0)
    assert wrong != pytest.approx(macro_f1_of_sums(sums)[0]), "without labels= an answer outside would count as a class"


READER = LabelReader({
    "EGY": ["مصري", "Egyptian"], "MSA": ["فصحى", "Modern Standard Arabic"], "GLF": ["خليجي", "Gulf"],
    "ARA": ["عربي"], "angry": ["غاضب"],
})  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("مصري", "EGY"),
        ("EGY", "EGY"),
        ("اللهجة المصرية.", "EGY"),
        ("The speaker uses the Egyptian dialect", "EGY"),
        ("هذه لهجة مِصْريّة", "EGY"),
        ("modern standard arabic", "MSA"),
        ("It is Modern Standard Arabic, I think", "MSA"),
        ("فصحى", "MSA"),
        ("الفصحى", "MSA"),
        ("المتحدثة غاضبة جدا", "angry"),
        ("خليجي أو مصري", OUTSIDE),
        ("Egyptian, not Gulf", OUTSIDE),
        ("", OUTSIDE),
        ("شامي", OUTSIDE),
        ("египетский", OUTSIDE),
        ("埃及", OUTSIDE),
        ("مصريون", OUTSIDE),
    ],
)
def test_a_label_is_read_by_rule(answer: str, label: str) -> None:
    assert READER(answer) == label


def items_of(answers: list[str], labels: list[str] | None = None, task: str = "t") -> list[Item]:
    return [
        Item(f"u{i}", task, "a", "", 0, -1, 1.0, f"s{i % 6}", "", "?", answer, (labels or [""] * len(answers))[i])
        for i, answer in enumerate(answers)
    ]


def given_of(items: list[Item], texts: list[str], ended: bool = True) -> dict[str, GivenAnswer]:
    return {i.id: GivenAnswer(i.task, i.id, text, len(text), ended) for i, text in zip(items, texts, strict=True)}


def test_reports_are_normalised_before_they_are_scored() -> None:
    items = items_of(["يسأل عن سعر القهوة"] * 2)
    task = ItemTask("t", "Summary", "report", 9, ("?",), True)
    given = given_of(items, ["يسأل عن سِعر القهوه", "zzz"], ended=False)
    result, table = result_of("x", task, items, given, "يسأل عن سعر الشاي", AnswersConfig())
    values = {f.metric.name: f.value for f in result.figures}
    assert values["rouge_l"] == pytest.approx(50) and values["chrf"] == pytest.approx(50) and values["stopped"] == 100
    assert result.chance == pytest.approx(75) and result.decides.metric.name == "rouge_l"
    assert table.counts["rouge_l"].tolist() == [[1, 1], [0, 1]]


def test_answers_outside_the_labels_are_counted_and_are_no_class() -> None:
    labels = {"A": ("ألف",), "B": ("باء",)}
    items = items_of(["ألف", "ألف", "باء", "باء"], ["A", "A", "B", "B"])
    task = ItemTask("t", "T", "label", 5, ("?",), True, labels)
    result, _ = result_of("x", task, items, given_of(items, ["ألف", "tomato", "باء", "باء"]), "ألف", AnswersConfig())
    values = {f.metric.name: f.value for f in result.figures}
    assert values["outside"] == 25 and values["accuracy"] == 75
    assert values["macro_f1"] == pytest.approx(100 * (2 / 3 + 1) / 2)
    assert isinstance(result.confusion, Confusion) and result.confusion.counts[0] == (1, 0, 1)
    assert result.chance == pytest.approx(
        100 * f1_score(list("AABB"), list("AAAA"), labels=["A", "B"], average="macro", zero_division=0)
    )


def test_a_transcript_is_scored_under_every_profile() -> None:
    items = items_of(["أكلتُ التُفاحة"])
    task = ItemTask("t", "ASR", "transcript", 5, ("?",), True)
    result, _ = result_of("x", task, items, given_of(items, ["اكلت التفاحه"]), "نعم", AnswersConfig())
    values = {f.metric.name: f.value for f in result.figures}
    assert (values["wer"], values["wer_orthographic"]) == (0, 100) and result.decides.metric.name == "wer"


def test_the_floor_is_the_training_answer_that_fits_training_best() -> None:
    task = ItemTask("t", "Summary", "report", 9, ("?",), True)
    learnt = items_of(["يشكو", "يشكو", "يسأل عن سعر السمك", "يسأل عن سعر الخبز", "يسأل عن موعد الدرس"])
    constant = constant_of(task, learnt, AnswersConfig())
    assert constant.startswith("يسأل عن"), "the most frequent answer fits but two items"
    normal = profile("sawt")
    wanted = np.mean([rouge_l(normal(i.answer).split(), normal(constant).split()) for i in learnt])
    from toolkit.score.answers import ROUGE_L

    assert floor_of(task, learnt, constant, ROUGE_L, AnswersConfig()) == pytest.approx(100 * wanted)


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answers")
    omnis.write_items(folder / "items", omnis.write_sets(folder / "sets"))
    return folder / "items"


def write_perfect(folder: Path, items: Path, system: str, tasks: tuple[str, ...], spoil: str = "") -> Path:
    answers = [
        GivenAnswer(i.task, i.id, "خطأ" if i.id == spoil else i.answer, 3, True)
        for i in read_part(items / "test")
        if i.task in tasks
    ]
    write_answers(folder, answers, AnswersHeader(system, "m", "d", str(items), tasks, 10, seed=1))
    return folder


def test_perfect_answers_are_perfect_and_adapters_of_one_task_are_one_row(items: Path, tmp_path: Path) -> None:
    every = ("asr", "summary", "dialect")
    ins = [items / "test", write_perfect(tmp_path / "a", items, "whole.s1", every)]
    ins += [write_perfect(tmp_path / task, items, "single.s1", (task,)) for task in every]
    step = omnis.step_of(AnswersConfig(), ins, tmp_path / "scores", "score.answers")
    run(step)
    from toolkit.score.compare_probes import read_systems

    systems = {s.system.name: s for s in read_systems([tmp_path / "scores"])}
    assert systems.keys() == {"whole.s1", "single.s1"}
    for system in systems.values():
        values = {task: scored.result.decides.value for task, scored in system.tasks.items()}
        assert values == {"asr": 0, "summary": 100, "dialect": 100}


def test_answers_given_twice_or_to_other_items_are_refused(items: Path, tmp_path: Path) -> None:
    one = write_perfect(tmp_path / "a", items, "x", ("asr",))
    two = write_perfect(tmp_path / "b", items, "x", ("asr", "dialect"))
    with pytest.raises(UserError, match="two answers of x to asr"):
        run(omnis.step_of(AnswersConfig(), [items / "test", one, two], tmp_path / "s", "score.answers"))
    lines = (one / "answers.jsonl").read_text().splitlines()
    (one / "answers.jsonl").write_text("\n".join(lines[1:]) + "\n")
    with pytest.raises(UserError, match="answers to other items of asr than these: 1 differ"):
        run(omnis.step_of(AnswersConfig(), [items / "test", one], tmp_path / "s", "score.answers"))


GIVEN = {"task": "asr", "id": "a", "text": "نعم", "tokens": 2, "ended": True}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (json.dumps(GIVEN), "a second answer to a of asr"),
        (json.dumps({**GIVEN, "id": "b", "text": None}), "text is None"),
        (json.dumps({**GIVEN, "id": "b", "seconds": 1}), "seconds"),
        (json.dumps({"id": "b", "text": "نعم"}), "missing"),
        ("[1]", "damaged answer"),
        ("", "damaged answer"),
    ],
)
def test_an_answer_with_other_fields_and_a_second_one_are_refused(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "answers.jsonl").write_text(f"{json.dumps(GIVEN)}\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=message) as e:
        list(read_answers(tmp_path))
    assert e.value.where.endswith("answers.jsonl, line 2")


def test_answers_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_bytes(json.dumps(GIVEN, ensure_ascii=False).encode("cp1256") + b"\n")
    with pytest.raises(UserError, match="damaged answer"):
        list(read_answers(tmp_path))
