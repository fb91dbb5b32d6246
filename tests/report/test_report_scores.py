"""The report of a distillation: systems that transcribed test sets, labels and their selection, trainings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer
import pytest
from report import distillation
from report.conftest import Recipe, report, rows_of, table, tables_of
from report.distillation import TESTS, WERS, gap_of, ins, pairs, scores, wer_of, write_distillation
from report.test_report_page import HOSTILE, Page

from toolkit.core.errors import UserError
from toolkit.core.results import System
from toolkit.core.schema import dump
from toolkit.core.systems_results import Example, Lacking, SystemsResult, Unmeasured
from toolkit.report.config import Published
from toolkit.report.relations import questions
from toolkit.report.render.html import page
from toolkit.report.render.markdown import document
from toolkit.report.section import Report
from toolkit.report.sections.scores import students
from toolkit.report.sources.collect import collect
from toolkit.text.normalise import profile

SCORES = "exp/scores/systems.json"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe folder with everything in it, which nobody changes."""
    root = tmp_path_factory.mktemp("whisper") / "egs/mini/whisper"
    root.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_distillation(Recipe(root))
    return root


@pytest.fixture
def run(written: Path, recipe: Recipe) -> Recipe:
    """A copy of it, which is the working directory."""
    shutil.copytree(written, recipe.root, dirs_exist_ok=True)
    return recipe


def whole(**config: Any) -> Report:
    return report(ins(), kind="whisper", **config)


def scored(run: Recipe, **changes: Any) -> SystemsResult:
    """systems.json with other values; what it then says."""
    made = replace(scores(), **changes)
    run.json(SCORES, dump(made))
    return made


def texts(path: Path) -> dict[str, str]:
    """A Kaldi table, read by hand."""
    rows = (row.partition(" ") for row in path.read_text(encoding="utf-8").splitlines())
    return {id: text for id, _, text in rows}


def test_the_table_of_systems_has_every_test_set_under_the_profile_that_decides(run: Recipe) -> None:
    made = whole()
    rows = rows_of(made.main)
    assert list(rows) == list(WERS)
    titles = [c.title for c in made.main.columns]
    wers = [f"{test.title[:1].upper()}{test.title[1:]} WER % ↓" for test in TESTS]
    assert titles == ["System", "Parameters", *wers]
    for system, row in rows.items():
        assert [row[heading].value for heading in wers] == pytest.approx([wer_of(system, test.name) for test in TESTS])
    assert rows["teacher"]["Test WER % ↓"].best and not rows["truth"]["Test WER % ↓"].best
    assert rows["teacher"]["Parameters"] == "37.2M"
    assert "Texts under the profile sawt@1. " in made.conditions[0]


def test_the_marks_are_against_the_undistilled_student_unless_the_config_names_another(run: Recipe) -> None:
    made = whole()
    assert "the baseline, undistilled," in made.main.notes[0]
    marks = {name: row["Test WER % ↓"].mark for name, row in rows_of(made.main).items()}
    assert marks == {"teacher": "▲", "undistilled": "", "unfiltered": "▲", "filtered": "▲", "truth": "▲"}
    marks = {name: row["Test WER % ↓"].mark for name, row in rows_of(whole(baseline="teacher").main).items()}
    assert marks == {"teacher": "", "undistilled": "▼", "unfiltered": "▼", "filtered": "▼", "truth": "▼"}
    scored(run, floors={})
    assert "the baseline, teacher," in whole().main.notes[0]
    with pytest.raises(UserError, match="no system base here"):
        whole(baseline="base")


def test_the_best_two_are_decided_by_their_own_test_and_untested_where_there_is_none(run: Recipe) -> None:
    rows = {row[0]: row for row in table(whole(), "best").rows}
    first, second, difference, decided = rows["Test WER % ↓"][1:]
    assert (first, second, str(difference), decided) == ("teacher: 10.0", "truth: 15.0", "-5.0 [-9.0, -1.0] ▲", "yes")
    assert rows["All sets WER % ↓"][4] == "not tested"
    close = [replace(p, difference=replace(p.difference, high=9.0, low=-9.0)) for p in pairs()]
    scored(run, pairs=tuple(close))
    assert {row[4] for row in table(whole(), "best").rows} == {"no", "not tested"}


def test_paired_differences_are_grouped_by_what_students_are_held_against(run: Recipe) -> None:
    distilled = ["unfiltered", "filtered", "truth"]
    asked = {question.title: question.pairs for question in questions(collect(ins()))}
    assert asked == {
        "What the recipe asks": [("filtered", "unfiltered")],
        "Undistilled student": [(name, "undistilled") for name in distilled],
        "Reference system teacher": [(name, "teacher") for name in ("undistilled", *distilled)],
    }
    paired = table(whole(), "pairs", "Paired differences")
    rows = {row[1]: dict(zip([c.title for c in paired.columns], row, strict=True)) for row in paired.rows}
    for system, against in (pair for of in asked.values() for pair in of):
        for task, heading in (("test", "Test WER % ↓"), ("clips", "Clips WER % ↓")):
            cell, gap = rows[f"{system} − {against}"][heading], wer_of(system, task) - wer_of(against, task)
            mark = "" if abs(gap) <= distillation.HALF else "▲" if gap < 0 else "▼"
            assert (cell.value, cell.mark) == (pytest.approx(gap), mark)
    assert rows["filtered − unfiltered"]["Clips WER % ↓"].mark == "▼"
    assert rows["filtered − unfiltered"]["All sets WER % ↓"] is None


def test_every_paired_test_stands_with_its_p_values_under_each_profile(run: Recipe) -> None:
    tests = table(whole(), "pairs", "Every paired test")
    assert len(tests.rows) == len(pairs())
    assert tests.rows[0][:4] == ["undistilled", "teacher", "test", "raw@1"]
    assert tests.rows[0][5:] == ["0.0004", "0.0012", "1,200", "below 0.0001", "0.0213"]
    scored(run, pairs=tuple(replace(p, p=None) for p in pairs()))
    assert "Every paired test" not in [t.title for s in whole().sections for t in tables_of(s.blocks)]


def test_each_set_has_a_table_with_both_profiles_gaps_and_costs(run: Recipe) -> None:
    made = whole()
    assert [t.title for s in made.sections if s.id == "sets" for t in tables_of(s.blocks)] == [t.title for t in TESTS]
    rows = rows_of(table(made, "sets", "test"))
    row = rows["filtered"]
    assert row["WER % ↓, sawt@1"].value == 25.0 and row["WER % ↓, raw@1"].value == 34.0
    assert row["Agreement % ↑, sawt@1"].value == 75.0
    assert row["Gap closed % ↑, sawt@1"].value == pytest.approx(gap_of("filtered", "test")) == pytest.approx(70.0)
    assert (row["RTF ↓"], row["Memory MB ↓"]) == ("0.125", "512")
    assert rows["teacher"]["Gap closed % ↑, sawt@1"] is None
    assert "RTF ↓" not in rows_of(table(made, "sets", "clips"))["filtered"]


def test_a_gap_that_was_not_measured_says_why_and_a_set_that_a_system_lacks_is_told(run: Recipe) -> None:
    why = Unmeasured("truth", "test", "gap_closed", "sawt@1", "no gap to close: the floor is not behind")
    scored(run, unmeasured=(why,), lacking=(Lacking("truth", "clips"),))
    made = whole()
    notes = {title: " ".join(table(made, "sets", title).notes) for title in ("test", "clips", "all sets")}
    assert "– under Gap closed: no gap to close: the floor is not behind." in notes["test"]
    assert "did not transcribe" not in notes["test"]
    assert "–: truth did not transcribe clips." in notes["clips"]
    assert "–: truth did not transcribe every set." in notes["all sets"]


def test_the_share_of_the_gap_is_drawn_of_students_alone_with_half_of_it_dashed(run: Recipe) -> None:
    made = whole()
    (section,) = (section for section in made.sections if section.id == "sets")
    first, second = section.blocks[0].pictures
    assert (first.title, first.under) == (
        "test: gap closed %, higher is better",
        "0: undistilled; 100: teacher; dashed: half",
    )
    assert re.search(r'aria-label="gap closed %: unfiltered 60.0 \[.*; filtered 70.0 \[.*; truth 90.0 \[', first.svg)
    assert "teacher" not in first.svg and second.title.startswith("clips")
    assert [s.name for s in students(scored(run, aside=("truth",)))] == ["unfiltered", "filtered"]
    (section,) = (section for section in whole().sections if section.id == "sets")
    assert "truth" not in section.blocks[0].pictures[0].svg


def test_dialects_have_a_table_for_each_set_of_several_with_their_mean_last(run: Recipe) -> None:
    made = table(whole(), "dialects")
    assert made.title == "clips by dialect: WER % ↓, sawt@1"
    assert [(row[0], row[1]) for row in made.rows] == [
        ("ALG", "1"),
        ("JOR", "3"),
        ("MSA", "5"),
        ("mean of the dialects", None),
    ]
    assert [c.title for c in made.columns[2:]] == list(WERS)
    assert str(made.rows[1][5]) == "46.0" and str(made.rows[3][5]) == "46.0 [43.0, 49.0]"
    assert made.notes == ["Without an interval: a dialect of one speaker or utterance, which tells little of it."]
    unknown = tuple(replace(test, dialects={**test.dialects, "unknown": 1200}) for test in TESTS)
    scored(run, tests=unknown)
    assert "The mean is without the 1,200 utterances of no known dialect." in table(whole(), "dialects").notes
    scored(run, tests=tuple(replace(test, dialects={}) for test in TESTS))
    assert "dialects" not in [section.id for section in whole().sections]


def test_what_goes_wrong_is_told_by_category_and_by_texts_as_they_are(run: Recipe) -> None:
    made = whole()
    rows = table(made, "texts").rows
    assert len(rows) == 2 * len(WERS)
    assert rows[0] == ["test", "teacher", "75.0", "25.0", "6.2", "12.5"]
    text, html = document(made), page(made)
    assert "- clip-006 (clips, ALG)\n  - reference: ما عنديش وقت دابا نهضر معاك\n" in text
    assert '<dt><bdi>reference</bdi></dt><dd dir="rtl">ما عنديش وقت دابا نهضر معاك</dd>' in html
    assert {attrs["dir"] for attrs in Page(html).named("dd") if set(attrs) == {"dir"}} == {"rtl"}
    scored(run, categories=(), examples=())
    assert "texts" not in [section.id for section in whole().sections]


def test_a_text_that_is_too_long_is_cut_and_an_empty_one_is_told(run: Recipe) -> None:
    scored(run, examples=(Example("test", "x", "", "كلمة " * 200, {"teacher": ""}),))
    text, html = document(whole()), page(whole())
    assert "  - teacher: (nothing)\n" in text and '<dd dir="rtl">(nothing)</dd>' in html
    (line,) = re.findall(r"^  - reference: (.*)$", text, re.M)
    assert len(line) == 300 and line.endswith("…")


def test_published_figures_share_no_table_with_those_of_the_run(run: Recipe) -> None:
    paper = Published("A paper", ("Model", "WER % ↓"), ("W-S | 90.1", "W-M | 65.4"))
    made = whole(published={"paper": paper})
    (theirs,) = made.published
    ours = [made.main, *(t for section in made.sections for t in tables_of(section.blocks))]
    assert theirs.mark == "paper" and {t.mark for t in ours if t.title != "Configuration"} == {"this run"}
    assert not {str(row[0]) for t in ours for row in t.rows} & {"W-S", "W-M"}
    assert not set(WERS) & {str(row[0]) for row in theirs.rows}


def test_random_weights_are_named_before_anything_else(run: Recipe) -> None:
    assert "RANDOM" not in document(whole())
    systems = [replace(s, arm="random") if s.name in ("teacher", "truth") else s for s in scores().systems]
    scored(run, systems=tuple(systems))
    made = whole()
    assert "The weights of teacher and truth are RANDOM." in made.warning
    assert document(made).index("RANDOM") < document(made).index("**Systems")


def test_no_system_of_a_training_here_is_called_not_scored(run: Recipe) -> None:
    """A system is named after its training; its model is the folder of the network."""
    assert not any("Not scored" in note for note in whole().main.notes)
    systems: tuple[System, ...] = tuple(s for s in scores().systems if s.name != "truth")
    kept = tuple(r for r in scores().results if r.system != "truth")
    scored(run, systems=systems, results=kept, pairs=())
    assert "Not scored: truth." in whole().main.notes


@pytest.mark.parametrize(
    ("given", "sections"),
    [
        (["data"], "run funnel"),
        (["exp/scores"], "best pairs pictures sets dialects texts run funnel"),
        (["dump/select"], "labels run funnel"),
        (["dump/labels/train"], "labels run funnel"),
        (["exp/filtered"], "training run funnel"),
        (["dump/packs/truth"], "labels run funnel"),
    ],
)
def test_a_section_without_its_inputs_is_not_shown(run: Recipe, given: list[str], sections: str) -> None:
    made = report([Path(p) for p in given], kind="whisper")
    Page(page(made))
    assert [section.id for section in made.sections] == sections.split()
    assert ("No system was scored." in document(made)) == (given != ["exp/scores"])


def test_all_sections_stand_in_the_order_of_reading(run: Recipe) -> None:
    ids = "best pairs pictures sets dialects texts labels training run funnel"
    assert [section.id for section in whole().sections] == ids.split()


def test_hostile_strings_stay_text(run: Recipe) -> None:
    scored(run, examples=(Example("clips", HOSTILE, HOSTILE, HOSTILE, {"filtered": HOSTILE}),))
    tree = Path(SCORES).read_text(encoding="utf-8")
    Path(SCORES).write_text(tree.replace('"filtered"', json.dumps(HOSTILE)), encoding="utf-8")
    survival = json.loads(Path("dump/select/survival.json").read_text(encoding="utf-8"))
    survival["survival"] = [row | {"value": HOSTILE} if row["value"] == "ALG" else row for row in survival["survival"]]
    survival["selections"] = {HOSTILE: survival["selections"]["filtered"] | {"criterion": HOSTILE}}
    run.json("dump/select/survival.json", survival)
    run.edit("exp/filtered/hf/config.json", model_type=HOSTILE)
    run.edit("dump/labels/train/header.json", model=HOSTILE)
    made = whole(recipe=HOSTILE, note=HOSTILE)
    html = Page(page(made))
    assert len(html.named("script")) == 1 and not html.named("img")
    assert any('document.title="owned"' in text for text in html.texts)
    assert "<script>" not in document(made)


def test_the_page_asks_nothing_of_the_network_and_closes_what_it_opens(run: Recipe) -> None:
    html = Page(page(whole()))
    addresses = [v for _, attrs in html.tags for k, v in attrs.items() if k in ("src", "href", "xlink:href")]
    assert all(str(a).startswith(("#", "data:")) for a in addresses)
    ids = [attrs["id"] for _, attrs in html.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a[1:] for a in addresses if str(a).startswith("#")} <= set(ids)


def test_what_each_limit_keeps_is_what_jiwer_would_keep(run: Recipe) -> None:
    sawt, tables = profile("sawt"), [texts(Path(p)) for p in ("data/train/text", "dump/labels/train/text")]
    wer = {id: 100 * jiwer.wer(sawt(text), sawt(tables[1][id])) for id, text in tables[0].items()}
    text = document(whole())
    for limit in (0, 10, 20, 40, 80):
        kept = sum(rate <= limit for rate in wer.values())
        assert re.search(rf"^\| {limit} +\| +{kept} of 24 \| +{100 * kept / 24:.1f} \|", text, re.M)
    of_dialect = texts(Path("data/train/utt2lang"))
    algerian = [rate for id, rate in wer.items() if of_dialect[id] == "ALG"]
    shares = " ".join(rf"\| +{100 * sum(r <= limit for r in algerian) / 3:.1f}" for limit in (0, 10, 20, 40, 80))
    assert re.search(rf"^\| ALG +\| +3 {shares} \|", text, re.M)
    kept = sum(rate <= 20 for rate in wer.values())
    assert re.search(rf"^\| filtered +\| wer &lt;= 20 \| +{kept} \|", text, re.M)
    assert re.search(r"^\| loop +\| +0\.\d{3} \|", text, re.M)
    assert "Not known of these labels: confidence, entropy, no_speech and agreement." in text


def test_labels_and_windows_say_what_they_are_and_how_many(run: Recipe) -> None:
    rows = rows_of(table(whole(), "labels", "Labels"))
    assert rows["dump/labels/train"]["Content"] == "pseudo-labels of train by exp/labels/hf (37.2M parameters)"
    assert (rows["dump/labels/train"]["Utterances"], rows["dump/labels/train"]["RTF ↓"]) == ("24", "0.250")
    assert rows["dump/packs/filtered"]["Content"] == "windows of pseudo labels, selection filtered"
    assert rows["dump/packs/truth"]["Content"] == "windows of truth labels"
    assert rows["dump/packs/truth"]["RTF ↓"] is None and rows["dump/packs/truth"]["Windows"] is not None


def test_trainings_name_their_windows_and_their_best_error_rate(run: Recipe) -> None:
    rows = rows_of(table(whole(), "training"))
    row = rows["unfiltered"]
    lowest = min(
        float(line.split("\t")[-1])
        for line in Path("exp/unfiltered/loss.tsv").read_text().splitlines()[1:]
        if line.split("\t")[-1] != "-"
    )
    assert row["Learnt from"] == "unfiltered" and row["Best dev WER % ↓"] == f"{100 * lowest:.1f}"
    assert (row["Minutes"], row["Steps"], row["Parameters"]) == ("2.5", "200", "15.0M")
    assert row["Shape"].startswith("type whisper, ") and "layers 2" not in row["Shape"].split(", decoder layers")[0]
    assert rows["student"]["Learnt from"] == "not trained here" and "decoder blocks 0 3" in rows["student"]["Shape"]


def broken_line(run: Recipe) -> None:
    tree = dump(scores())
    tree["results"][0]["figures"][0].pop("value")
    run.json(SCORES, tree)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda r: r.write(SCORES, "{"), "not JSON"),
        (broken_line, r"results\[0\].figures\[0\].value is missing"),
        (lambda r: r.edit(SCORES, pairs=[1]), r"pairs\[0\] is 1, not a mapping"),
        (lambda r: r.edit(SCORES, gaps=[]), "gaps is unknown"),
        (lambda r: r.json("exp/scores/cost.json", {}), "the file is {}, not a list"),
        (lambda r: r.edit("dump/select/survival.json", survival=...), "survival is missing"),
        (lambda r: r.edit("exp/filtered/record.json", state="running"), "exp/filtered is not finished"),
        (lambda r: r.write("exp/truth/loss.tsv", "step\tloss\n1\tx\n"), "'x' is not a number"),
        (lambda r: (r.root / "data").rename("x") and r.write("data/readme", ""), "no result that the report knows"),
    ],
)
def test_a_broken_or_unknown_input_is_named(run: Recipe, break_it: Callable[[Recipe], Any], message: str) -> None:
    break_it(run)
    with pytest.raises(UserError, match=message) as error:
        whole()
    assert "rerun" in error.value.remedy or "run the stage of train.whisper" in error.value.remedy


def test_two_scorings_in_one_report_are_refused(run: Recipe) -> None:
    shutil.copytree("exp/scores", "exp/more")
    with pytest.raises(UserError, match="two scores in one report"):
        report([*ins(), Path("exp/more")], kind="whisper")


def test_the_step_writes_both_forms_and_a_copy_beside_and_the_same_bytes_again(run: Recipe) -> None:
    def made() -> list[bytes]:
        words = ["-m", "toolkit.report", "--kind", "whisper", "--in", *map(str, ins()), "--out", "exp/report"]
        done = subprocess.run([sys.executable, *words, "--note", "مرحبا"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [Path(p).read_bytes() for p in ("exp/RESULTS.md", "exp/report/RESULTS.md", "exp/report/index.html")]

    first = made()
    assert first[0] == first[1]
    shutil.rmtree("exp/report")
    assert made() == first
