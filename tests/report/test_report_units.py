import shutil
from pathlib import Path

import pytest

from toolkit.report.sections.units import unit_table
from toolkit.report.sources.collect import collect


def unit_rows(*paths):
    table = unit_table(collect([Path(path) for path in paths]))
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row)) for row in table.rows], " ".join(table.notes)


@pytest.mark.parametrize(
    ("quality", "book", "shown"),
    [
        ({"run_length_ms": 48.2, "rate": 50}, 100, ("48.2", "50")),
        ({"rate": 50}, 100, ("40.0", "50")),
        ({}, 100, ("20.0", "100")),
        ({}, ..., (None, None)),
    ],
)
def test_a_run_is_as_long_as_its_frames_take(recipe, quality, book, shown):
    """2 frames last 20 ms at 100 Hz and 40 ms at 50 Hz; what was measured goes before what is worked out."""
    recipe.whole().edit("exp/it1/quality/quality.json", run_length_mean=2.0, **quality)
    recipe.edit("exp/it1/codebook/codebook.json", rate=book)
    rows, notes = unit_rows("exp/it1/codebook", "exp/it1/quality")
    assert (rows[0]["Run length ms"], rows[0]["Frame rate Hz"]) == shown
    assert ("the frame rate of it1 is not known" in notes) == (shown[0] is None)


def test_units_of_two_sets_stand_in_two_rows_with_what_they_were_measured_on(recipe):
    recipe.whole()
    shutil.copytree("exp/it1/quality", "exp/it1/quality_test")
    changes = {"set": "test", "frames": 777, "frames_with_phone": 555, "rate": 50}
    recipe.edit("exp/it1/quality_test/quality.json", **changes)
    rows, notes = unit_rows("exp/it1/codebook", "exp/it1/quality", "exp/it1/quality_test")
    assert [row["Iteration"] for row in rows] == ["it1, dev", "it1, test"]
    assert "dev for it1 (12,345 frames); test for it1 (777 frames, 555 of them with a phone)" in notes
    assert "The frame rate differs here (50, 100 Hz)" in notes


def test_pnmi_is_said_to_be_comparable_at_equal_k_and_frame_rate_only(recipe):
    recipe.whole()
    shutil.copytree("exp/it1", "exp/it2")
    recipe.edit(
        "exp/it2/quality/quality.json", k=2, histogram=[5, 6], pnmi=None, phone_purity=None, cluster_purity=None
    )
    table = unit_table(collect([*recipe.ins, Path("exp/it2/quality"), Path("exp/it2/codebook")]))
    assert [row[0] for row in table.rows] == ["it1", "it2"]
    assert table.rows[1][[c.title for c in table.columns].index("PNMI")] is None
    notes = " ".join(table.notes)
    assert "at equal K and frame rate only" in notes
    assert "K differs here (2, 100)" in notes
    assert "it2 has no PNMI and no purity: the set has no phones.ctm" in notes


def test_what_speaks_against_the_phones_stands_under_the_figures_that_are_measured_against_them(recipe):
    recipe.whole().edit("exp/it1/quality/quality.json", doubts=["its times look late"])
    _, notes = unit_rows("exp/it1/codebook", "exp/it1/quality")
    assert "Of the phones of dev under it1: its times look late." in notes


def test_agreement_of_seeds_has_columns_where_it_was_measured_and_only_there(recipe):
    recipe.whole()
    rows, notes = unit_rows("exp/it1/codebook", "exp/it1/quality")
    assert "Seeds NMI" not in rows[0] and "Seeds:" not in notes
    shutil.copytree("exp/it1", "exp/it2")
    recipe.edit("exp/it2/quality/quality.json", agreement={"codebook": "ab", "nmi": 0.8124, "adjusted_rand": 0.5})
    rows, notes = unit_rows("exp/it1/codebook", "exp/it1/quality", "exp/it2/codebook", "exp/it2/quality")
    assert [(row["Seeds NMI"], row["Seeds adj. Rand"]) for row in rows] == [(None, None), ("0.812", "0.500")]
    assert "learnt from the same sample with another seed" in notes
    assert "it1 has no units of another seed" in notes
