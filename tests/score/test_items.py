"""The items of a result: written and read, and the figures and differences that are computed from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from toolkit.core.errors import UserError
from toolkit.core.results import Figure, Metric
from toolkit.score.bootstrap import Interval, interval, paired_difference, ratio_interval
from toolkit.score.items import Items, difference, figure, read_items, write_items

WER = Metric("wer", "%", "low")
ACCURACY = Metric("accuracy", "%", "high")
F1 = Metric("macro_f1", "%", "high", statistic="macro_f1")
DIALECTS = ("الأردن", "اليمن", "مصر")
SPEAKERS, EACH = 6, 5


def broken(path: Path, reason: str) -> UserError:
    return UserError(reason, str(path))


def items(seed: int) -> Items:
    """Thirty utterances of six speakers, classified at random and with random edits."""
    rng = np.random.default_rng(seed)
    n = SPEAKERS * EACH
    references = [DIALECTS[i % 3] for i in range(n)]
    answers = [r if rng.random() < 0.6 else str(rng.choice(DIALECTS)) for r in references]
    right = [[float(a == r), 1.0] for a, r in zip(answers, references, strict=True)]
    edits = np.stack([rng.integers(0, 6, n), rng.integers(4, 12, n)], 1).astype(float)
    ids, speakers = [f"متحدث{i % SPEAKERS}-{i:02d}" for i in range(n)], [f"متحدث{i % SPEAKERS}" for i in range(n)]
    return Items(ids, speakers, references, answers, {"wer": edits, "accuracy": np.array(right)})


def ends(measured: Figure) -> tuple[float | None, ...]:
    return measured.low, measured.value, measured.high


def percent(expected: Interval) -> tuple[float, ...]:
    assert expected.low is not None and expected.high is not None
    return 100 * expected.low, 100 * expected.estimate, 100 * expected.high


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = items(1)
    write_items(tmp_path / "dialect.items.tsv", written)
    again = read_items(tmp_path / "dialect.items.tsv", "utterances", broken)
    assert (again.ids, again.speakers, again.references, again.answers) == (
        written.ids,
        written.speakers,
        written.references,
        written.answers,
    )
    assert again.counts.keys() == written.counts.keys() and again.digest == written.digest
    assert all(np.array_equal(again.counts[name], written.counts[name]) for name in written.counts)


def test_empty_texts_and_diacritics_stay_and_line_ends_and_tabs_do_not(tmp_path: Path) -> None:
    texts = ["قَالَ إِنَّ الْمَكْتَبَةَ", "", "سطر\nآخر\tهنا"]
    counts = {"wer": np.array([[1.0, 3.0], [2.0, 0.0], [0.0, 3.0]])}
    write_items(tmp_path / "x.items.tsv", Items(["a", "b", "c"], ["s", "s", "t"], texts, texts[::-1], counts))
    again = read_items(tmp_path / "x.items.tsv", "utterances", broken)
    assert again.references == ["قَالَ إِنَّ الْمَكْتَبَةَ", "", "سطر آخر هنا"]
    assert again.answers == again.references[::-1] and np.array_equal(again.counts["wer"], counts["wer"])


def test_a_table_without_a_ratio_has_its_labels_alone(tmp_path: Path) -> None:
    one = items(1)
    write_items(tmp_path / "x.items.tsv", Items(one.ids, one.speakers, one.references, one.answers, {}))
    again = read_items(tmp_path / "x.items.tsv", "utterances", broken)
    assert again.counts == {} and again.number() == 30
    assert figure(F1, again, DIALECTS) == figure(F1, one, DIALECTS)


@pytest.mark.parametrize("by_speaker", [True, False])
@pytest.mark.parametrize("metric", [WER, ACCURACY])
def test_a_ratio_has_the_interval_of_its_counts(metric: Metric, by_speaker: bool) -> None:
    one = items(1)
    counts, limit = one.counts[metric.name], np.inf if metric is WER else 1.0
    blocks = one.speakers if by_speaker else None
    expected = ratio_interval(counts[:, 0], counts[:, 1], blocks, 3, (0.0, limit))
    measured = figure(metric, one, by_speaker=by_speaker, seed=3)
    assert ends(measured) == percent(expected)
    assert measured.value == pytest.approx(100 * counts[:, 0].sum() / counts[:, 1].sum())
    assert (measured.n, measured.unit_of_n) == (30, "utterances")
    assert (measured.blocks, measured.block_count) == (("speaker", 6) if by_speaker else ("utterance", 30))


def test_macro_f1_is_scikit_learns_and_its_interval_that_of_scikit_learns_draws() -> None:
    one = items(1)
    measured = figure(F1, one, DIALECTS, by_speaker=False, seed=3)
    assert measured.value == pytest.approx(100 * f1_score(one.references, one.answers, average="macro"))
    rng, references, answers = np.random.default_rng(5), np.array(one.references), np.array(one.answers)
    draws = (rng.integers(0, 30, 30) for _ in range(1500))
    scores = [100 * f1_score(references[d], answers[d], average="macro", zero_division=0.0) for d in draws]
    wider = 2.0452 / 1.96 * (30 / 29) ** 0.5  # Student's t of 29 degrees of freedom over the normal's quantile
    low, high = (measured.value + wider * (end - measured.value) for end in np.percentile(scores, [2.5, 97.5]))
    assert (measured.low, measured.high) == pytest.approx((low, high), abs=1.5)


def test_frames_count_where_their_reference_is_a_label() -> None:
    references, answers = ["a a b", "b x"], ["a b b", "a a"]
    counts = {"accuracy": np.array([[2.0, 3.0], [0.0, 1.0]])}
    frames = Items(["u", "v"], ["s", "t"], references, answers, counts, "frames")
    assert frames.number() == 4 and frames.confusions(["a", "b"]).tolist() == [[[1, 1], [0, 1]], [[0, 0], [1, 0]]]
    measured = figure(ACCURACY, frames, seed=1)
    assert (measured.value, measured.n, measured.unit_of_n) == (50.0, 4, "frames")


@pytest.mark.parametrize("by_speaker", [True, False])
@pytest.mark.parametrize("metric", [WER, ACCURACY])
def test_a_difference_is_paired_over_the_same_draws(metric: Metric, by_speaker: bool) -> None:
    one, two = items(1), items(2)
    limit = np.inf if metric is WER else 1.0
    blocks = one.speakers if by_speaker else None
    expected = paired_difference(one.counts[metric.name], two.counts[metric.name], blocks, 3, (-limit, limit))
    measured = difference(metric, one, two, by_speaker=by_speaker, seed=3)
    assert ends(measured) == percent(expected) and measured.metric is metric
    low, value, high = ends(difference(metric, two, one, by_speaker=by_speaker, seed=3))
    assert (-high, -value, -low) == pytest.approx(ends(measured))  # type: ignore[operator]


def test_a_difference_of_macro_f1_is_that_of_scikit_learns_and_none_of_a_system_to_itself() -> None:
    one, two = items(1), items(2)
    f1 = [100 * f1_score(x.references, x.answers, average="macro") for x in (one, two)]
    measured = difference(F1, one, two, DIALECTS, seed=3)
    assert measured.value == pytest.approx(f1[0] - f1[1])
    assert measured.low is not None and measured.high is not None and measured.low < measured.value < measured.high
    same = difference(F1, one, one, DIALECTS, seed=3)
    assert (same.value, same.low, same.high) == (0.0, None, None)


def test_the_interval_of_a_ratio_of_any_sums_is_that_of_the_bootstrap() -> None:
    """The table keeps whole counts, so whatever is drawn from it later is drawn from the same sums."""
    one = items(4)
    expected = interval(one.counts["wer"], blocks=one.speakers, seed=9, limits=(0.0, np.inf))
    assert ends(figure(WER, one, seed=9)) == percent(expected)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("\n\n", "\n", "its last line has no end"),
        ("utterance\t", "utt\t", "its first line is not the names of the columns"),
        ("wer.of", "wer.off", "its first line is not the names of the columns"),
        ("\nb\ts\t", "\nb\t", "line 3 does not fit the names of the columns"),
        ("\t1\t4\n", "\tone\t4\n", "line 3 does not fit the names of the columns"),
        ("\t1\t4\n", "\t1\t4\t9\n", "line 3 does not fit the names of the columns"),
        ("\t1\t4\n", "\n", "line 3 does not fit the names of the columns"),
    ],
)
def test_a_damaged_table_is_told_by_its_line(old: str, new: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.items.tsv"
    counts = {"wer": np.array([[0.0, 3.0], [1.0, 4.0]])}
    write_items(path, Items(["a", "b"], ["s", "s"], ["نعم", "لا"], ["نعم", "لا"], counts))
    text = path.read_text(encoding="utf-8") + "\n"
    assert text.count(old) == 1
    path.write_text(text.replace(old, new).removesuffix("\n"), encoding="utf-8")
    with pytest.raises(UserError, match=reason) as e:
        read_items(path, "utterances", broken)
    assert str(path) in str(e.value)


def test_a_table_that_is_missing_or_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.items.tsv"
    with pytest.raises(UserError, match="it is missing"):
        read_items(path, "utterances", broken)
    path.write_bytes(b"utterance\t\xff\n")
    with pytest.raises(UserError, match="no table in UTF-8"):
        read_items(path, "utterances", broken)
    path.write_bytes(b"")
    with pytest.raises(UserError, match="no table in UTF-8"):
        read_items(path, "utterances", broken)
