"""Two systems: paired bootstrap against closed forms, Holm by hand, and the command as a user types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from toolkit.core.files import read_json
from toolkit.score.compare import holm, paired_bootstrap


@pytest.mark.parametrize("count", [400, 20_000])  # below and above where kinds of utterances are counted
@pytest.mark.parametrize("gap", [0.0, 0.02, 0.05])
def test_paired_bernoulli_errors_have_the_spread_and_the_p_of_their_mean(count: int, gap: float) -> None:
    """One word each: the difference is a mean of N draws from {-1, 0, 1}, whose variance has a closed form."""
    rng = np.random.default_rng(5)
    first, second = (rng.uniform(size=count) < rate for rate in (0.3 + gap, 0.3))
    ones = np.ones(count)
    found, p = paired_bootstrap(np.stack([first, ones, second, ones], 1).astype(float))
    differences = first.astype(float) - second
    error = differences.std(ddof=1) / count**0.5
    assert found.estimate == pytest.approx(differences.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.06)
    assert p == pytest.approx(max(2 * stats.norm.sf(abs(found.estimate) / error), 2 / 10_001), abs=0.03)


def test_equal_systems_and_single_speakers_have_no_verdict() -> None:
    same = np.array([[1.0, 4.0, 1.0, 4.0], [0.0, 3.0, 0.0, 3.0]])
    assert paired_bootstrap(same)[1] == 1.0
    assert paired_bootstrap(np.array([[2.0, 4.0, 1.0, 4.0]]))[1] == 1.0


@pytest.mark.parametrize("seed", range(8))
def test_p_below_5_percent_is_an_interval_without_0(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 50, 12).astype(float)
    first, second = rng.binomial(lengths.astype(int), 0.36), rng.binomial(lengths.astype(int), 0.26)
    found, p = paired_bootstrap(np.stack([first, lengths, second, lengths], 1).astype(float))
    assert (p < 0.05) == (found.low > 0 or found.high < 0) or abs(p - 0.05) < 0.001


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_few_blocks_that_all_favour_one_system_have_the_p_of_a_sign_test(count: int) -> None:
    """All differences of one sign, equal or nearly so: no resampling of them leaves that sign."""
    exact = stats.binomtest(count, count, 0.5).pvalue
    for extra in (np.zeros(count), np.arange(count)):
        blocks = np.stack([2.0 + extra, np.full(count, 90.0), np.zeros(count), np.full(count, 90.0)], 1)
        assert paired_bootstrap(blocks)[1] == pytest.approx(exact)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_equal_systems_are_told_apart_by_few_blocks_no_more_often_than_p_says(count: int) -> None:
    """600 pairs of equal systems: the share with p up to a level is at most the level, but for chance."""
    rng = np.random.default_rng(11)
    lengths = np.full(count, 200)
    found = []
    for _ in range(600):
        first, second = (rng.binomial(lengths, rng.beta(2, 8, count)) for _ in "AB")
        found.append(paired_bootstrap(np.stack([first, lengths, second, lengths], 1).astype(float))[1])
    for level in (0.001, 0.01, 0.05):
        assert np.mean(np.array(found) <= level) <= stats.binom.ppf(0.999, 600, level) / 600


def test_holm_is_the_one_worked_by_hand() -> None:
    """0.005·4, 0.01·3, 0.03·2, then 0.04·1, which is raised to the one before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1.0, 1.0] and holm([]) == []


def compare(folder: Path, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "toolkit.score.compare", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """60 utterances of 8 speakers; B has one word wrong where A has two, in a spelling that sawt does not fold."""
    ids = [f"متحدث{i % 8}-{i:02d}" for i in range(60)]
    texts = {"ref": "ذهب الولد إلى المدرسة اليوم", "A": "ذهبت الولد إلى مدرسة اليوم", "B": "ذهب الولد الى مدرسة اليوم"}
    for name, text in texts.items():
        lines = (f"{id} {text if i % 3 else texts['ref']}\n" for i, id in enumerate(ids))
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
    (tmp_path / "utt2spk").write_text("".join(f"{id} {id.split('-')[0]}\n" for id in ids), encoding="utf-8")
    return tmp_path


def test_the_command_prints_and_writes_both_tests_with_holm_over_the_sets(files: Path) -> None:
    words = ["--ref", "ref", "--hyp", "A", "B", "--set", "عكس=ref,B,A", "--set", "same=ref,A,A"]
    code, said = compare(files, *words, "--profile", "sawt", "--speakers", "utt2spk", "--out", "out")
    assert code == 0, said
    tree = read_json(files / "out/compare.json")
    pair, other, same = tree["sets"]
    # 40 of 60 utterances of 5 words: two words wrong, or one where a hamza counts for nothing.
    assert pair["wer"] == pytest.approx({"A": 100 * 80 / 300, "B": 100 * 40 / 300})
    assert (pair["better"], other["better"], same["better"]) == ("B", "A", "not told apart")
    assert pair["bootstrap"]["percent"] == pytest.approx(-other["bootstrap"]["percent"])
    assert pair["bootstrap"]["blocks"] == 8 and tree["blocks"] == "speaker"
    assert pair["bootstrap"]["p_holm"] == pytest.approx(min(1, 3 * pair["bootstrap"]["p"]))
    # Two words that both have right part the errors: a segment of (1, 0) and one of (1, 1) in each.
    assert pair["mapsswe"]["segments"] == 80 and pair["mapsswe"]["mean"] == pytest.approx(0.5)
    assert pair["profile"].startswith("sawt@") and pair["profile"] in said
    assert (files / "out/compare.md").read_text(encoding="utf-8").count("\n| عكس |") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--ref", "ref"], "which files?"),
        (["--set", "x=ref,A"], "give NAME=REF,A,B"),
        (["--set", "x=ref,A,B", "--set", "x=ref,A,B"], "two sets called x"),
        (["--set", "x=ref,A,none"], "no such file"),
        (["--ref", "ref", "--hyp", "A", "B", "--seed", "-1"], "--seed -1"),
        (["--ref", "ref", "--hyp", "A", "B", "--profile", "swat"], "unknown profile swat"),
    ],
)
def test_mistakes_are_told_without_a_traceback(files: Path, words: list[str], said: str) -> None:
    code, told = compare(files, *words)
    assert code == 1 and said in told and "remedy: " in told and "Traceback" not in told


def test_a_missing_hypothesis_is_refused_or_all_deletions(files: Path) -> None:
    lines = (files / "B").read_text(encoding="utf-8").splitlines(keepends=True)
    (files / "short").write_text("".join(lines[1:]), encoding="utf-8")
    code, said = compare(files, "--ref", "ref", "--hyp", "A", "short")
    assert code == 1 and "متحدث0-00" in said and "--missing empty" in said
    code, said = compare(files, "--ref", "ref", "--hyp", "A", "short", "--missing", "empty")
    assert code == 0 and "B: missing hypotheses, counted as all deletions: 1 (متحدث0-00)" in said


def test_utterances_that_the_table_of_speakers_lacks_are_told_and_are_blocks_of_their_own(files: Path) -> None:
    (files / "some").write_text("متحدث0-00 متحدث0\nمتحدث0-08 متحدث0\n", encoding="utf-8")
    code, said = compare(files, "--ref", "ref", "--hyp", "A", "B", "--speakers", "some", "--out", "out")
    assert code == 0 and "A / B: utterances without a speaker, each a block of its own: 58 (متحدث0-16, " in said
    assert read_json(files / "out/compare.json")["sets"][0]["bootstrap"]["blocks"] == 59
