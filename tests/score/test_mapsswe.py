"""MAPSSWE by hand and against NIST's own sclite and sc_stats (Debian: sctk), where they can be had."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from toolkit.score.mapsswe import NIST, errors_at, mapsswe, segments, segments_of
from toolkit.score.weighted_alignment import Operation, align

WORDS = [f"{a}{b}" for a in "كتبلمنوهيأإةىءش" for b in ["اب", "ين", "ور", "لَّم", "ـــد", "٣"]]


@pytest.mark.parametrize(
    ("reference", "first", "second", "wanted"),
    [
        # One good word between two errors: one segment. Two: two.
        ("ا ب ج د", "س ب س د", "ا ب ج د", [(2, 0)]),
        ("ا ب ج د", "س ب ج س", "ا ب ج د", [(1, 0), (1, 0)]),
        # A word that one of the systems has wrong is not good, whoever it is.
        ("ا ب ج د", "س ب ج س", "ا س ج د", [(2, 1)]),
        # An insertion lies between words: it parts good words that stand on either side of it.
        ("ا ب ج د", "س ب ن ج د", "ا ب ج د", [(2, 0)]),
        ("ا ب ج د", "س ب ج ن د", "ا ب ج د", [(1, 0), (1, 0)]),
        # The word behind an insertion is as good as any other.
        ("ا ب ج د", "ا ن ب ج س", "ا ب ج د", [(1, 0), (1, 0)]),
        # Behind the last word, of either system.
        ("ا ب", "ا ب ن", "ا ب", [(1, 0)]),
        ("ا ب", "ا ب", "ا ب ن م", [(0, 2)]),
        ("ا ب", "ا ب", "ا ب", []),
        ("ا ب", "", "ا ب", [(2, 0)]),
        ("", "ا", "ب ج", [(1, 2)]),
    ],
)
def test_segments_are_those_worked_by_hand(reference: str, first: str, second: str, wanted: list) -> None:
    words = reference.split()
    assert segments(*(errors_at(words, text.split()) for text in (first, second))) == wanted
    errors, utterances = segments_of([("ا", "ا", "ا"), (reference, first, second)])
    assert [tuple(pair) for pair in errors.tolist()] == wanted and utterances == [1] * len(wanted)


def test_z_is_the_one_worked_by_hand() -> None:
    """Differences 1, 1, 0, −1, 1: mean 0.4, squares about it 3.2, s² = 0.8, Z = 0.4 / √(0.8 / 5) = 1."""
    result = mapsswe(np.array([[1, 0], [2, 1], [1, 1], [0, 1], [1, 0]]))
    assert (result.segments, result.mean, result.deviation) == pytest.approx((5, 0.4, 0.8**0.5))
    assert result.z == pytest.approx(1.0)
    assert result.p == pytest.approx(0.31731050786)  # of a normal variable beyond ±1


def test_z_is_the_paired_t_statistic_of_the_segments() -> None:
    errors = np.random.default_rng(0).poisson((1.0, 0.8), (200, 2))
    peer = stats.ttest_rel(errors[:, 0], errors[:, 1])
    assert mapsswe(errors).z == pytest.approx(peer.statistic)


@pytest.mark.parametrize("errors", [np.zeros((0, 2)), np.ones((9, 2)), np.array([[3, 0]])])
def test_without_a_spread_there_is_no_verdict(errors: np.ndarray) -> None:
    assert (mapsswe(errors).z, mapsswe(errors).p) == (0.0, 1.0)


def corrupted(rng: random.Random, words: list[str], rate: float) -> list[str]:
    """Substitutions, deletions and insertions; the last word stays."""
    made = []
    for word in words[:-1]:
        draw = rng.random() / rate
        if draw > 0.25:
            made.append(word if draw > 0.7 else rng.choice(WORDS))
        if 0.25 < draw < 0.4:
            made.append(rng.choice(WORDS))
    return [*made, words[-1]]


def systems(count: int = 300) -> list[list[str]]:
    """Reference and two systems, the second the better."""
    rng = random.Random(4)
    references = [[*rng.choices(WORDS, k=rng.randint(3, 20)), "النهاية"] for _ in range(count)]
    made = [[corrupted(rng, words, rate) for words in references] for rate in (0.35, 0.28)]
    return [[" ".join(words) for words in texts] for texts in (references, *made)]


@pytest.fixture(scope="module")
def sctk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of sclite and sc_stats: installed, else Debian's package unpacked in a temporary folder."""
    if installed := shutil.which("sclite"):
        return Path(installed).parent
    folder = tmp_path_factory.mktemp("sctk")
    try:
        for command in (["apt-get", "download", "sctk"], ["sh", "-c", "dpkg -x sctk_*.deb ."]):
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as e:
        pytest.skip(f"sclite is not installed and cannot be fetched: {e}")
    return folder / "usr/lib/sctk/bin"


def nist(sctk: Path, folder: Path, texts: list[list[str]]) -> tuple[list[tuple[int, ...]], tuple[int, float, float]]:
    """(correct, S, D, I, errors of each system by sclite; segments, mean, Z by sc_stats)."""
    for name, lines in zip(("ref", "A", "B"), texts):
        trn = "".join(f"{line} (speaker-{i:04d})\n" for i, line in enumerate(lines))
        (folder / name).write_text(trn, encoding="utf-8")
    words = [
        str(sctk / "sclite"),
        "-r",
        "ref",
        "trn",
        "-h",
        "A",
        "trn",
        "A",
        "-h",
        "B",
        "trn",
        "B",
        "-i",
        "spu_id",
        "-s",
    ]

    def call(*more: str) -> str:
        return subprocess.run([*words, *more], cwd=folder, check=True, capture_output=True, timeout=60).stdout.decode()

    sums = re.findall(r"\| Sum +\| +\d+ +\d+ \|([ \d]+)\|", call("-o", "rsum", "stdout"))
    # This sclite pipes a line for every field, which this sc_stats does not read: put them in one line again.
    paths = re.sub(r"(?<=>\n)((?:[CSDI]\n.*\n.*\n)+)(?=</PATH)", joined, call("-p", "-f", "0"))
    test = [str(sctk / "sc_stats"), "-p", "-t", "mapsswe", "-v", "-n", "nist"]
    subprocess.run(test, cwd=folder, check=True, capture_output=True, timeout=60, input=paths.encode())
    report = (folder / "nist.stats.mapsswe").read_text(encoding="utf-8", errors="replace")
    match = re.search(r"# segs: (\d+)\).*\(mean: *([-.\d]+)\).*Z Stat: *([-.\d]+)", report)
    assert match, report
    return [tuple(map(int, s.split()[:5])) for s in sums], (int(match[1]), float(match[2]), float(match[3]))


def joined(fields: re.Match[str]) -> str:
    lines = fields[1].split("\n")[:-1]
    return ":".join(",".join(lines[i : i + 3]) for i in range(0, len(lines), 3)) + "\n"


def counts(references: list[str], hypotheses: list[str]) -> tuple[int, ...]:
    steps: Counter[Operation] = Counter()
    for reference, hypothesis in zip(references, hypotheses):
        steps.update(step.operation for step in align(reference.split(), hypothesis.split(), NIST))
    correct, *errors = (steps[operation] for operation in Operation)
    return correct, *errors, sum(errors)


def test_counts_segments_and_z_are_those_of_sclite_and_sc_stats(sctk: Path, tmp_path: Path) -> None:
    texts = systems()
    theirs, (number, mean, z) = nist(sctk, tmp_path, texts)
    assert [counts(texts[0], t) for t in texts[1:]] == theirs
    result = mapsswe(segments_of(zip(*texts), NIST)[0])
    assert result.segments == number
    assert (result.mean, result.z) == pytest.approx((mean, z), abs=0.0006)


def test_the_figures_that_sctk_gave_come_out() -> None:
    """sctk 2.4.10 of Debian 12 (sclite 2.10, sc_stats 1.3) on `systems()`, noted when it was at hand."""
    texts = systems()
    noted = [(2921, 567, 275, 161, 1003), (3122, 427, 214, 103, 744)]
    assert [counts(texts[0], t) for t in texts[1:]] == noted
    result = mapsswe(segments_of(zip(*texts), NIST)[0])
    assert (result.segments, round(result.mean, 3), round(result.z, 3)) == (615, 0.421, 6.333)
    least = mapsswe(segments_of(zip(*texts))[0])  # of least edits: other alignments, the same verdict
    assert least.z == pytest.approx(result.z, abs=0.3) and least.p < 0.05
