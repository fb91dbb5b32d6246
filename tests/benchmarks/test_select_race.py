"""The race of selecting, on a hundred made labels."""

from pathlib import Path

from benchmarks.inputs import BenchInputs
from benchmarks.select import select, write_labels
from benchmarks.table import part
from toolkit.pseudo.labelled import ordered, read_known
from toolkit.score.edits import word_edits


def test_made_labels_have_a_reference_each_and_a_recognisers_errors(tmp_path: Path) -> None:
    write_labels(tmp_path, 1000)
    known, labels = read_known([tmp_path / "data/made"]), list(ordered([tmp_path / "labels"]))
    assert [u.id for u in known] == [row.id for row in labels]
    assert all(row.tokens and row.segments and row.avg_logprob for row in labels)
    total = word_edits([u.reference or "" for u in known], [row.text for row in labels]).total
    assert 0.15 < total.edits / total.length < 0.25


def test_the_race_runs_whole_on_little(tmp_path: Path) -> None:
    section = select(BenchInputs(tmp_path, 0.002), 1)
    (claim,) = section.claims
    assert claim.name == "selecting at 12 limits of 1,000 pseudo-labels" and claim.against == "60 s"
    assert claim.reached and len(claim.ratios) == 1
    assert "no audio is touched" in part(section)
