from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jiwer
import pytest
from report.conftest import Recipe
from report.distillation import ins, write_distillation
from report.test_report_page import HOSTILE, Page
from toolkit.report.tables import PAPER, THIS_RUN
from toolkit.report.whisper_content import Content, gather
from toolkit.report.whisper_document import document
from toolkit.report.whisper_page import cards, page
from toolkit.report.whisper_paper import SETS, paper_table
from toolkit.report.whisper_results import collect
from toolkit.report.whisper_statement import statement
from toolkit.report.whisper_systems import read_scores

from toolkit.core.errors import UserError
from toolkit.report.config import ReportConfig
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


def content(**config: str) -> Content:
    return gather(ins(), ReportConfig(**config))


def texts(path: Path) -> dict[str, str]:
    """A Kaldi table, read by hand."""
    rows = (row.partition(" ") for row in path.read_text(encoding="utf-8").splitlines())
    return {id: text for id, _, text in rows}


def changed(key: str, change: Any) -> None:
    """Change every mapping of a list of systems.json."""
    tree = json.loads(Path(SCORES).read_text(encoding="utf-8"))
    tree[key] = [entry | change(entry) for entry in tree[key]]
    Path(SCORES).write_text(json.dumps(tree), encoding="utf-8")


def changed_figures(change: Any) -> None:
    """Change the figures of every result of systems.json: (result, figure) -> figure, or None to take it out."""
    changed("results", lambda r: {"figures": [f for f in (change(r, f) for f in r["figures"]) if f]})


def gap_of(low: float, value: float, high: float) -> list[tuple[bool, str]]:
    """(whether it is shown, what is said) of filtered on test, with such a share of the gap."""
    share = {"value": value, "low": low, "high": high}

    def put(result: dict[str, Any], figure: dict[str, Any]) -> dict[str, Any]:
        mine = (result["system"], result["task"], figure["metric"]["name"]) == ("filtered", "test", "gap_closed")
        return figure | (share if mine else {})

    changed_figures(put)
    made = statement(read_scores(Path("exp/scores")), False)
    title = "At least half of the gap between undistilled and teacher, by filtered"
    sentences = [(True, s.text) for s in made.shows if s.title == title]
    sentences += [(False, s.text) for s in made.lacks if s.title == title]
    return [(shown, text) for shown, text in sentences if "test: " in text]


@pytest.mark.parametrize(
    ("share", "shown", "words"),
    [
        ((50.0, 60.0, 70.0), True, "test: 60.0 [50.0, 70.0] %"),
        ((49.9, 60.0, 70.0), False, "test: 60.0 [49.9, 70.0] %, which is more, but the interval holds less than half"),
        ((30.0, 49.0, 70.0), False, "test: 49.0 [30.0, 70.0] %, which is less"),
    ],
)
def test_half_of_the_gap_is_shown_where_the_whole_interval_is_at_least_half(
    run: Recipe, share: tuple[float, float, float], shown: bool, words: str
) -> None:
    ((is_shown, text),) = gap_of(*share)
    assert is_shown is shown and words in text


@pytest.mark.parametrize(
    ("ends", "shown", "words"),
    [
        ((-4.0, -0.1), True, "test: ahead, -2.0 [-4.0, -0.1] points of WER"),
        ((-4.0, 0.0), False, "test: not told apart, -2.0 [-4.0, 0.0] points of WER"),
        ((-4.0, 1.0), False, "test: not told apart, -2.0 [-4.0, 1.0] points of WER"),
        ((0.5, 6.0), True, "test: behind, -2.0 [0.5, 6.0] points of WER"),
    ],
)
def test_whether_filtering_helped_is_said_by_the_paired_interval_alone(
    run: Recipe, ends: tuple[float, float], shown: bool, words: str
) -> None:
    def put(pair: dict[str, Any]) -> dict[str, Any]:
        mine = (pair["system"], pair["against"], pair["task"]) == ("filtered", "unfiltered", "test")
        low, high = ends
        return {"difference": pair["difference"] | {"value": -2.0, "low": low, "high": high}} if mine else {}

    changed("pairs", put)
    made = statement(read_scores(Path("exp/scores")), False)
    texts = [s.text for s in (made.shows if shown else made.lacks) if s.title == "filtered against unfiltered"]
    assert len(texts) == 1 and words in texts[0]


def test_the_tables_have_jiwers_error_rates(run: Recipe) -> None:
    tables = [texts(Path(p)) for p in ("data/test/text", "exp/eval/filtered/test/text")]
    sawt = profile("sawt")
    references, hypotheses = ([sawt(table[id]) for id in sorted(tables[0])] for table in tables)
    text = document(content())
    (row,) = re.findall(r"^\| filtered .*$", text[text.index("Systems on test") :].split("\n\n")[1], re.M)
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[5].split()[0] == f"{100 * jiwer.wer(references, hypotheses):.1f}"
    assert cells[6].split()[0] == f"{100 * jiwer.cer(references, hypotheses):.1f}"


def test_the_papers_mean_is_that_of_its_ten_sets() -> None:
    for row in paper_table().rows:
        figures = [float(str(cell)) for cell in row[2:]]
        assert len(figures) == len(SETS) + 1
        assert figures[-1] == pytest.approx(sum(figures[:-1]) / 10, abs=0.11), row[0]  # of figures that are rounded


def test_published_figures_share_no_table_with_those_of_the_run(run: Recipe) -> None:
    gathered = content()
    names = {s.name for s in read_scores(Path("exp/scores")).systems}
    assert (gathered.paper.mark, gathered.ours.mark) == (PAPER, THIS_RUN)
    assert not names & {str(row[0]) for row in gathered.paper.rows}
    assert names == {str(row[0]) for row in gathered.ours.rows}
    others = [
        gathered.ours,
        *gathered.systems,
        *gathered.dialects,
        *gathered.selection,
        gathered.training,
        gathered.labels,
    ]
    assert all(table.mark == THIS_RUN for table in others)
    assert not {str(row[0]) for table in others for row in table.rows} & {str(row[0]) for row in gathered.paper.rows}


@pytest.mark.parametrize("synthetic", [True, False])
def test_synthetic_audio_is_named_before_anything_else(recipe: Recipe, written: Path, synthetic: bool) -> None:
    shutil.copytree(written, recipe.root, dirs_exist_ok=True)
    if not synthetic:
        recipe.edit("data/record.json", counts={"utterances": 81})
    gathered = content(note="Of one voice.", synthetic_note="Made by espeak-ng.")
    text, html = document(gathered), page(gathered)
    for form in (text, html):
        assert ("The audio is SYNTHETIC." in form) is synthetic
        assert ("Made by espeak-ng." in form) is synthetic
        assert "Of one voice." in form
    if synthetic:
        assert text.index("SYNTHETIC") < text.index("## What this run shows")


def test_random_weights_are_named_before_anything_else(run: Recipe) -> None:
    changed("systems", lambda s: {"arm": "random"} if s["name"] == "teacher" else {})
    text = document(content())
    assert (
        "**The audio is SYNTHETIC. It is recorded so in data. The weights are RANDOM. So say the hypotheses of " in text
    )


@pytest.mark.parametrize("left", [["data"], ["exp/scores"], ["dump/select"], ["exp/filtered"], ["dump/packs/truth"]])
def test_what_is_absent_is_said_to_be(run: Recipe, left: list[str]) -> None:
    gathered = gather([Path(p) for p in left], ReportConfig())
    text, html = document(gathered), page(gathered)
    Page(html)
    assert "## The paper, and this run" in text
    if left != ["exp/scores"]:
        assert "No system was scored, so nothing can be said of one." in text
    if left != ["dump/select"]:
        assert "Nothing was selected" in html


def test_a_set_without_a_gap_says_why(run: Recipe) -> None:
    whole = json.loads(Path(SCORES).read_text(encoding="utf-8"))
    reasons = [
        {"system": r["system"], "task": r["task"], "metric": "gap_closed", "profile": f["profile"]}
        | {"why": "the floor is not behind"}
        for r in whole["results"]
        for f in r["figures"]
        if f["metric"]["name"] == "gap_closed"
    ]
    assert reasons
    run.edit(SCORES, unmeasured=reasons)
    changed_figures(lambda _, f: f if f["metric"]["name"] != "gap_closed" else None)
    gathered = content()
    assert "– under Gap closed: the floor is not behind." in document(gathered)
    assert any("test: the floor is not behind" in s.text for s in gathered.statement.lacks)


def test_a_system_that_lacks_a_set_is_told(run: Recipe) -> None:
    tree = json.loads(Path(SCORES).read_text(encoding="utf-8"))
    tree["lacking"] = [{"system": "truth", "task": "clips"}]
    tree["results"] = [r for r in tree["results"] if r["system"] != "truth" or r["task"] == "test"]
    Path(SCORES).write_text(json.dumps(tree), encoding="utf-8")
    text = document(content())
    assert "truth did not transcribe clips." in text and "–: truth did not transcribe every set." in text


def test_hostile_strings_stay_text(run: Recipe) -> None:
    tree = Path(SCORES).read_text(encoding="utf-8")
    Path(SCORES).write_text(tree.replace('"filtered"', json.dumps(HOSTILE)), encoding="utf-8")
    changed("examples", lambda e: {"reference": HOSTILE, "id": HOSTILE, "dialect": HOSTILE})
    survival = json.loads(Path("dump/select/survival.json").read_text(encoding="utf-8"))
    survival["survival"] = [row | {"value": HOSTILE} if row["value"] == "ALG" else row for row in survival["survival"]]
    survival["selections"] = {HOSTILE: survival["selections"]["filtered"] | {"criterion": HOSTILE}}
    run.json("dump/select/survival.json", survival)
    run.edit("exp/filtered/hf/config.json", model_type=HOSTILE)
    run.edit("dump/labels/train/header.json", model=HOSTILE)
    gathered = content(recipe=HOSTILE, note=HOSTILE)
    html = Page(page(gathered))
    assert len(html.named("script")) == 1 and not html.named("img")
    assert any('document.title="owned"' in text for text in html.texts)
    assert "<script>" not in document(gathered)


def test_arabic_runs_from_the_right_beside_names_that_do_not(run: Recipe) -> None:
    html = page(content())
    assert '<dt><bdi>reference</bdi></dt><dd dir="auto">ما عنديش وقت دابا نهضر معاك</dd>' in html
    reference = Page(html)
    assert all(attrs.get("dir") == "auto" for attrs in reference.named("dd") if set(attrs) == {"dir"})


def test_the_page_asks_nothing_of_the_network_and_closes_what_it_opens(run: Recipe) -> None:
    html = Page(page(content()))
    addresses = [v for _, attrs in html.tags for k, v in attrs.items() if k in ("src", "href", "xlink:href")]
    assert all(str(a).startswith(("#", "data:")) for a in addresses)
    ids = [attrs["id"] for _, attrs in html.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a[1:] for a in addresses if str(a).startswith("#")} <= set(ids)


def test_the_head_of_the_page_speaks_of_a_student_that_saw_no_true_transcript(run: Recipe) -> None:
    collected = collect(ins())
    assert cards(collected)[0].label == "WER of filtered on test"  # truth has fewer errors
    collected.packs.clear()
    assert cards(collected)[0].label == "WER of truth on test"


def test_what_each_limit_keeps_is_what_jiwer_would_keep(run: Recipe) -> None:
    sawt, tables = profile("sawt"), [texts(Path(p)) for p in ("data/train/text", "dump/labels/train/text")]
    wer = {id: 100 * jiwer.wer(sawt(text), sawt(tables[1][id])) for id, text in tables[0].items()}
    text = document(content())
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


def test_trainings_name_their_windows_and_their_best_error_rate(run: Recipe) -> None:
    text = document(content())
    (row,) = re.findall(r"^\| unfiltered +\| type whisper.*$", text, re.M)
    cells = [cell.strip() for cell in row.split("|")]
    lowest = min(
        float(line.split("\t")[-1])
        for line in Path("exp/unfiltered/loss.tsv").read_text().splitlines()[1:]
        if line.split("\t")[-1] != "-"
    )
    assert cells[4] == "unfiltered" and cells[9] == f"{100 * lowest:.1f}" and cells[10] == "2.5"
    assert re.search(r"^\| student +\|.*decoder blocks 0 3 \|.*\| not trained here +\|", text, re.M)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda r: r.write(SCORES, "{"), "not JSON"),
        (lambda r: r.edit(SCORES, results=[{"system": "x"}]), r"results\[0\].task is missing"),
        (lambda r: r.edit(SCORES, tests=[1]), r"tests\[0\] is 1, not a mapping"),
        (lambda r: r.edit("dump/select/survival.json", survival=...), "survival is missing"),
        (lambda r: r.edit("exp/filtered/record.json", state="running"), "exp/filtered is not finished"),
        (lambda r: r.write("exp/truth/loss.tsv", "step\tloss\n1\tx\n"), "'x' is not a number"),
        (lambda r: (r.root / "data").rename("x") and r.write("data/readme", ""), "no result that the report knows"),
    ],
)
def test_a_broken_or_unknown_input_is_named(run: Recipe, break_it: Any, message: str) -> None:
    break_it(run)
    with pytest.raises(UserError) as e:
        content()
    assert re.search(message, str(e.value))


def test_a_system_that_is_set_aside_is_no_student(run: Recipe) -> None:
    run.edit(SCORES, aside=["truth"])
    scores = read_scores(Path("exp/scores"))
    assert [s.name for s in scores.students] == ["unfiltered", "filtered"]
    titles = [s.title for s in (*statement(scores, False).shows, *statement(scores, False).lacks)]
    assert "truth against teacher" in titles and not any(t.endswith("by truth") for t in titles)


def test_two_scorings_in_one_report_are_refused(run: Recipe) -> None:
    shutil.copytree("exp/scores", "exp/more")
    with pytest.raises(UserError, match="two scores in one report"):
        gather([*ins(), Path("exp/more")], ReportConfig())


def test_the_step_writes_both_forms_and_a_copy_beside_and_the_same_bytes_again(run: Recipe) -> None:
    def made() -> list[bytes]:
        words = ["-m", "toolkit.report.whisper", "--in", *map(str, ins()), "--out", "exp/report"]
        done = subprocess.run([sys.executable, *words, "--note", "مرحبا"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [Path(p).read_bytes() for p in ("exp/RESULTS.md", "exp/report/RESULTS.md", "exp/report/index.html")]

    first = made()
    assert first[0] == first[1]
    shutil.rmtree("exp/report")
    assert made() == first
