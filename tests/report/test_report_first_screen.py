"""What a reader sees first: line 1, the table of systems, the paper's tables, at most three lines of conditions."""

import os
import re
from pathlib import Path

import pytest
from report.conftest import report

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.report.config import Published, ReportConfig
from toolkit.report.kinds import KINDS, OWN_CONDITIONS, gather, paragraphs
from toolkit.report.render.html import page
from toolkit.report.render.markdown import document
from toolkit.report.section import Table

PAPER = Published(
    "A paper, arXiv 0000.00000", ("Model", "WER % ↓", "Size"), ("Large | 15.50 | 316M", "Small | - | –"), "On MGB-2."
)
ROOT = Path(__file__).resolve().parents[2]


def dated(days: int) -> None:
    """Every record is so many days younger than 27 February 2031, and that of the data is old."""
    for record in Path(".").rglob("record.json"):
        os.utime(record, (1930000000, 1930000000 + 86400 * days))
    os.utime("data/record.json", (1, 1))


def test_line_1_has_recipe_preset_date_and_what_kind_of_audio(recipe):
    recipe.whole()
    dated(1)
    lines = document(report(recipe.ins)).split("\n")
    assert lines[0] == "# Results: mini/ssl, preset quick; 2031-02-28; SYNTHETIC audio"
    assert lines[2].startswith("**The audio is SYNTHETIC (so marked in data).")
    assert report(recipe.ins, recipe="egs/ours", preset="").line.startswith("Results: egs/ours, preset quick; ")
    dated(2)
    assert "; 2031-03-01; " in report(recipe.ins).line


@pytest.mark.parametrize("synthetic", [True, False])
def test_only_synthetic_audio_is_called_so_on_both_forms(recipe, synthetic):
    recipe.whole(synthetic=synthetic)
    made = report(recipe.ins)
    kind = "SYNTHETIC audio" if synthetic else "real audio"
    assert document(made).split("\n")[0].endswith(f"; {kind}")
    assert re.search(rf"<h1><bdi>Results: .*; {kind}</bdi></h1>", page(made))
    for form in (document(made), page(made)):
        assert ("SYNTHETIC" in form) is synthetic
    assert bool(made.warning) is synthetic


def test_the_record_or_the_unit_quality_alone_says_that_audio_is_synthetic(recipe):
    recipe.whole().edit("data/record.json", counts={"utterances": 45})
    assert "so marked in the unit quality of it1" in report(recipe.ins).warning
    recipe.edit("exp/it1/quality/quality.json", synthetic=False)
    assert report(recipe.ins).warning == ""
    recipe.edit("data/record.json", counts={"synthetic_utterances": 12})
    assert "so marked in data (synthetic_utterances 12)" in report(recipe.ins).warning


def test_the_table_of_systems_comes_first_then_the_papers_then_the_conditions_then_the_rest(recipe):
    made = report(
        recipe.whole().ins, published={"it": PAPER}, note="Of one voice.", synthetic_note="Made by espeak-ng."
    )
    text = document(made)
    order = [
        "# Results",
        "SYNTHETIC (",
        "**Systems (this run)**",
        "**A paper, arXiv 0000.00000 (paper)**",
        "- Intervals: ",
    ]
    order += ["- Audio: ", "- One run of each system; ", "> Of one voice.", "> Made by espeak-ng.", "## Which is best"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert text.index("| System ") < text.index("## ") and text.count("\n- ", 0, text.index("## ")) == 3


def test_the_conditions_are_at_most_three_lines_and_say_what_was_run(recipe):
    lines = report(recipe.whole().ins).conditions
    assert lines == [
        "Intervals: bootstrap over 9 speakers for phone, dialect and emotion; 205 utterances for ASR. n: phone 20,111 "
        "frames, ASR 205 utterances, dialect 205 utterances, emotion 205 utterances. Protocol: strict (everything "
        "chosen on dev).",
        "Audio: train 0.30 h, dev 0.06 h, test 0.09 h. Trained: it1.base 500 steps.",
        "One run of each system; seed 1, 7; commit abc1234.",
    ]
    assert len(report([Path("exp/it1/codebook")]).conditions) <= 3


def test_published_tables_come_from_the_config_alone_and_share_no_table_with_our_figures(recipe):
    made = report(recipe.whole().ins, published={"it": PAPER})
    (theirs,) = made.published
    assert (theirs.mark, theirs.title, theirs.notes) == ("paper", PAPER.title, [OWN_CONDITIONS, "On MGB-2."])
    assert theirs.rows == [["Large", "15.50", "316M"], ["Small", None, None]]
    ours = [made.main, *(block for section in made.sections for block in section.blocks if isinstance(block, Table))]
    assert {table.mark for table in ours} == {"this run"}
    assert not {"Large", "Small"} & {str(cell) for table in ours for row in table.rows for cell in row}
    for figure in ("15.50", "316M"):
        tables = re.split(r"\n\*\*(?=[A-Z])", document(made))
        assert [table.split("**")[0][-7:] for table in tables if figure in table] == ["(paper)"], figure
    plain = report(recipe.ins)
    assert list(plain.published) == [] and "(paper)" not in document(plain)


def test_a_published_row_of_another_width_is_a_users_mistake_that_names_the_row(tmp_path):
    yaml = "published:\n  it:\n    title: T\n    columns: [Model, WER]\n    rows: [a | 1 | 2]\n"
    (tmp_path / "report.yaml").write_text(yaml)
    with pytest.raises(UserError, match=r"published table T: a row of 3 cells under 2 headings: a \| 1 \| 2"):
        load_config(ReportConfig, tmp_path / "report.yaml")


@pytest.mark.parametrize("kind", ["ssl", "whisper"])
def test_the_tables_of_the_papers_are_in_the_configs_of_the_recipes(kind, recipe):
    config = load_config(ReportConfig, ROOT / f"egs/TEMPLATE/{kind}/conf/report.yaml")
    assert config.kind == kind and config.published
    made, _ = gather(recipe.whole().ins[:1], config)
    assert [table.title for table in made.published] == [table.title for table in config.published.values()]
    assert all(len(row) == len(table.columns) for table in made.published for row in table.rows)


def test_the_mean_over_the_ten_sets_of_the_paper_is_the_mean_of_its_ten_figures():
    config = load_config(ReportConfig, ROOT / "egs/TEMPLATE/whisper/conf/report.yaml")
    checked = 0
    for table in config.published.values():
        for row in table.rows:
            figures = [float(cell) for cell in row.split("|")[1:] if re.fullmatch(r" *\d+\.\d+ *", cell)]
            if len(figures) == 11:
                assert figures[-1] == pytest.approx(sum(figures[:-1]) / 10, abs=0.11), (
                    row
                )  # of figures that are rounded
                checked += 1
    assert checked > 5


@pytest.mark.parametrize(("synthetic", "notes"), [(True, ["Of all.", "Of espeak-ng."]), (False, ["Of all."])])
def test_a_note_on_synthetic_audio_stands_under_no_real_speech(recipe, synthetic, notes):
    recipe.whole(synthetic=synthetic)
    assert report(recipe.ins, note="Of all.", synthetic_note="Of espeak-ng.").notes == notes


def test_an_empty_line_begins_a_paragraph():
    assert paragraphs("One\nline.\n\nTwo.", "", " ") == ["One line.", "Two."]


def test_a_recipe_kind_is_a_list_of_sections():
    assert KINDS.keys() == {"instruct", "ssl", "star", "superb", "whisper"}
    for builders in KINDS.values():
        assert len(set(builders)) == len(builders)


def test_equal_inputs_give_equal_bytes(recipe, drawn_anew):
    recipe.whole()
    first, second = report(recipe.ins), report(recipe.ins)
    assert document(first) == document(second) and page(first) == page(second)


def test_the_parts_of_names_that_systems_bear_are_explained_under_the_table(recipe):
    names = {"it1": "of MFCCs", "ba*": "the first network", "it9": "of nothing", "ase": "no whole part"}
    made = report(recipe.whole().ins, names=names)
    assert "Names: it1 = of MFCCs; ba* = the first network." in made.main.notes
    assert not any(note.startswith("Names") for note in report(recipe.ins).main.notes)
