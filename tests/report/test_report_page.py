import base64
import hashlib
import json
import re
import resource
import shutil
import subprocess
import sys
import wave
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report import chain
from report.conftest import report

from toolkit.core.errors import UserError
from toolkit.report.config import Published
from toolkit.report.render import plots
from toolkit.report.render.html import page
from toolkit.report.render.markdown import document
from toolkit.report.sections import listen
from toolkit.report.sections.listen import players, unit_runs
from toolkit.report.sources.collect import collect
from toolkit.report.value import Value

HOSTILE = '<script>document.title="owned"</script><img src=x onerror=alert(1)>"\'&amp;{{ 7*7 }}'
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Elements, addresses and text of a page; checks that elements close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def hostile(recipe):
    """Every string that comes from a corpus or a user made an attack."""
    recipe.whole()
    examples = json.loads(Path("exp/it1/quality/examples.json").read_text())
    examples[0] |= {"id": HOSTILE, "text": HOSTILE, "lang": HOSTILE, "phones": [[0.0, 0.5, HOSTILE]]}
    recipe.json("exp/it1/quality/examples.json", examples)
    recipe.edit("exp/it1/quality/quality.json", source=HOSTILE, set=HOSTILE)
    recipe.edit("exp/probe/it1.base/row.json", title=HOSTILE)
    counts = [[1, 2], [3, 4]]
    hostile_title = {"title": HOSTILE, "confusion": {"labels": [HOSTILE, "b"], "counts": counts}}
    recipe.edit("exp/probe/it1.base/dialect.json", **hostile_title)
    metric = {"name": "accuracy", "unit": HOSTILE, "better": "high", "title": HOSTILE}
    recipe.figure("exp/probe/it1.base/dialect.json", metric=metric, unit_of_n=HOSTILE, blocks=HOSTILE)
    recipe.edit("exp/probe/it1.base/cost.json", device=HOSTILE)
    recipe.write("data/train/utt2lang", f"a {HOSTILE}\n")
    recipe.record("dump/it1/labels", ["units.label"], [], {HOSTILE: 1}, drops=[("id", HOSTILE, HOSTILE)])
    table = Published(HOSTILE, (HOSTILE, HOSTILE), (f"{HOSTILE} | {HOSTILE}",), HOSTILE)
    words = {"recipe": HOSTILE, "preset": HOSTILE, "note": HOSTILE}
    return report(recipe.ins, published={HOSTILE: table}, **words)


def test_hostile_strings_of_a_corpus_stay_text(recipe):
    html = Page(page(hostile(recipe)))
    assert len(html.named("script")) == 1
    assert html.named("img") == []
    assert not any(name.startswith("on") for _, attrs in html.tags for name in attrs)
    assert HOSTILE in "".join(html.texts)
    assert "49" not in "".join(t for t in html.texts if "onerror" in t)


def test_hostile_strings_stay_text_in_markdown(recipe):
    text = document(hostile(recipe))
    assert re.findall(r"<[a-z/!]", text) == []
    assert [line for line in text.split("\n") if line.startswith("| &lt;script")]
    assert text.split("\n")[0].startswith("# Results: &lt;script")


def test_the_page_asks_nothing_of_the_network(recipe):
    html = page(report(recipe.whole().ins))
    parsed = Page(html)
    wanted = [
        a
        for _, attrs in parsed.tags
        for k, v in attrs.items()
        if k in ("src", "href", "xlink:href", "data")
        for a in [v or ""]
    ]
    assert wanted
    assert all(address.startswith(("data:", "#")) for address in wanted)
    assert all(address.startswith("#") for address in re.findall(r"url\((.*?)\)", html))
    assert set(re.findall(r"https?://[^\"' <)]+", html)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "@import" not in html


def test_references_within_the_page_have_one_target_each(recipe):
    html = Page(page(report(recipe.whole().ins)))
    ids = [attrs["id"] for _, attrs in html.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {v[1:] for _, attrs in html.tags for k, v in attrs.items() if "href" in k and v and v[0] == "#"} <= set(ids)


def test_only_the_script_of_the_page_may_run(recipe):
    html = page(report(recipe.whole().ins))
    script = re.search(r"<script>(.*?)</script>", html, re.S)[1]
    allowed = re.search(r"script-src 'sha256-([^']+)'", html)[1]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() == allowed


def test_the_audio_in_the_page_is_the_audio_of_the_folder(recipe):
    html = Page(page(report(recipe.whole(examples=3).ins)))
    carried = [base64.b64decode(attrs["src"].split(",")[1]) for attrs in html.named("audio")]
    assert carried == [Path(f"exp/it1/quality/examples/{i}.wav").read_bytes() for i in range(3)]


def test_arabic_is_set_from_right_to_left_with_its_vowel_signs(recipe):
    html = page(report(recipe.whole().ins))
    assert re.search(r'<p class="text" dir="rtl" lang="ar">وَيْنْ رَايِحِينْ', html)


def test_equal_results_give_equal_bytes(recipe, drawn_anew):
    recipe.whole()
    assert page(report(recipe.ins)) == page(report(recipe.ins))
    assert document(report(recipe.ins)) == document(report(recipe.ins))


def test_too_much_audio_is_left_out_and_said_to_be(recipe, monkeypatch):
    recipe.whole(examples=4)
    size = Path("exp/it1/quality/examples/0.wav").stat().st_size
    monkeypatch.setattr(listen, "AUDIO_BYTES", size + 10)
    html = page(report(recipe.ins))
    assert html.count("<audio") == 1
    assert "3 more left out" in html


def test_the_page_stays_below_six_megabytes_with_the_most_audio_it_takes(recipe):
    recipe.whole(examples=4)
    for i in range(4):
        recipe.wav(f"exp/it1/quality/examples/{i}.wav", 30.0)
    assert len(page(report(recipe.ins)).encode()) < 6_000_000


def test_an_utterance_shows_the_units_of_every_iteration(recipe):
    recipe.whole()
    shutil.copytree("exp/it1", "exp/it2")
    made, _ = players(collect([Path("exp/it1/quality"), Path("exp/it2/quality")]).qualities)
    assert [[strip.title for strip in player.strips] for player in made] == [["units, it1", "units, it2", "phones"]] * 2


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=60), st.sampled_from([50.0, 100.0]))
def test_runs_tell_the_unit_of_every_frame(units, rate):
    runs = unit_runs(units, rate)
    told = [run.label for run in runs for _ in range(round((run.end - run.start) * rate))]
    assert told == [str(unit) for unit in units]
    assert all(a.label != b.label and a.end == b.start for a, b in pairwise(runs))
    assert len({(run.label, run.hue, run.tone) for run in runs}) == len(set(units))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not audio at all" * 10])
def test_an_example_that_is_no_wav_is_refused(recipe, content):
    recipe.whole()
    Path("exp/it1/quality/examples/0.wav").write_bytes(content)
    with pytest.raises(UserError) as error:
        page(report(recipe.ins))
    assert error.value.where.endswith("examples/0.wav")
    assert "units.quality" in error.value.remedy


def test_an_example_in_stereo_is_refused(recipe):
    recipe.whole()
    with wave.open("exp/it1/quality/examples/0.wav", "wb") as f:
        f.setparams((2, 2, 16000, 0, "NONE", ""))
        f.writeframes(bytes(4000))
    with pytest.raises(UserError, match="mono"):
        page(report(recipe.ins))


def test_a_silent_example_has_a_flat_outline(recipe):
    recipe.whole()
    with wave.open("exp/it1/quality/examples/0.wav", "wb") as f:
        f.setparams((1, 2, 16000, 0, "NONE", ""))
        f.writeframes(bytes(4000))
    outline = players(collect(recipe.ins).qualities)[0][0].outline
    assert {point.split(",")[1] for point in outline.split()} == {"1.00"}


def test_a_section_without_its_inputs_is_not_shown_in_either_form(recipe):
    """Of data alone there is what was run and the funnel; the table says that no system was scored."""
    made = report([recipe.whole().ins[0]])
    assert [section.id for section in made.sections] == ["run", "funnel"]
    assert re.findall(r"^## (.*)", document(made), re.M) == ["What was run", "Funnel of drops"]
    html = page(made)
    assert re.findall(r"<h2>(.*?)</h2>", html) == ["What was run", "Funnel of drops"]
    assert "No system was scored." in html and "<audio" not in html and "<figure" not in html


def test_a_section_stands_where_its_inputs_are(recipe):
    recipe.chain()
    ids = [section.id for section in report(chain.ins()).sections]
    first = "best pairs pictures costs ablation depth training units listen weights confusions"
    assert ids == [*first.split(), "classes", "worst", "figures", "run", "funnel"]
    Path("exp/it1/quality/examples.json").unlink()
    gone = {
        "listen": chain.ins(),
        "units": [path for path in chain.ins() if path.name not in ("codebook", "quality")],
        "depth": chain.without("it2.L.layers"),
        "ablation": [path for path in chain.ins() if path != Path("exp/it3-raw/S")],
        "training": [path for path in chain.ins() if path.name == "data" or "probe" in path.parts],
        "best": [path for path in chain.ins() if "probe" not in path.parts],
    }
    for id, ins in gone.items():
        assert id not in [section.id for section in report(ins).sections], id


def test_markdown_leaves_out_sections_that_are_pictures_alone(recipe):
    made = report(recipe.whole().ins)
    titles = re.findall(r"^## (.*)", document(made), re.M)
    shown = [section.title for section in made.sections]
    assert [title for title in shown if title not in titles] == ["Pictures", "Listen", "Layer weights", "Confusions"]
    assert [title for title in shown if title in titles] == titles
    html = page(made)
    assert all(f"<h2>{title}</h2>" in html for title in shown)


def test_on_a_phone_the_table_of_systems_stands_first_and_every_table_scrolls(recipe):
    """The tiles stand above it on a wide screen by CSS alone."""
    html = page(report(recipe.whole().ins))
    main = html.index("<table>"), html.index('<dl class="cards">')
    assert main[0] < main[1] and html.index('<section id="systems">') < main[0]
    assert re.search(r"@media \(min-width: 40rem\) \{ #systems \.cards \{ order: -1; \} \}", html)
    assert html.count("<table>") == len(
        re.findall(r'<div class="scroll" tabindex="0" role="region"[^>]*><table>', html)
    )
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    assert 'class="table"><div class="scroll"' in html and "overflow-x: auto" in html


def test_the_policy_of_the_page_forbids_everything_that_it_does_not_carry(recipe):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page(report(recipe.whole().ins)))
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == rules["media-src"] == "data:"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]+='", rules["script-src"])
    assert rules.keys() == {"default-src", "img-src", "media-src", "style-src", "script-src"}


def test_confusions_of_the_largest_trained_system_are_open_and_the_others_folded(recipe):
    made = report(recipe.chain() and chain.ins())
    (section,) = (section for section in made.sections if section.id == "confusions")
    opened, models, baselines = section.blocks
    assert {heat.title.split(", ")[1] for heat in opened.heats} == {"iteration 2 (it2.L)"}
    assert [block.summary for block in (models, baselines)] == [
        "Confusions of the other models",
        "Confusions of the baselines",
    ]
    assert opened.heats[-1].title == "phone, iteration 2 (it2.L)" and not opened.heats[-1].numbered
    text = page(made)
    assert "percent of each true class; n " in text and "dashed: chance, 25.0 %" in text


@pytest.mark.parametrize("label", ["الجزائر", "$x^2$", "a<b&c>", "日本"])
def test_labels_of_any_script_stay_text_in_plots(label):
    svg = plots.interval_plot("p", [(label, Value(50, 40, 60), True)], 20.0, "%")
    assert label in "".join(Page(svg).texts)
    assert "DejaVu" not in svg
    assert not re.search(r"<dc:date|#0a0b0", svg)


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 500))
def test_a_thinned_curve_keeps_its_mean_and_its_order(n, points):
    values = np.random.default_rng(n).normal(size=n)
    steps, thin = plots.thinned(list(range(n)), list(values), points)
    assert len(steps) == min(n, points)
    assert steps == sorted(steps)
    if n % points == 0 or n <= points:
        assert np.mean(thin) == pytest.approx(values.mean(), abs=1e-9)


def step(*argv: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "toolkit.report", "--in", *argv]
    return subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}
    )


def test_the_step_writes_both_forms_and_copies_the_tables_beside(recipe):
    ins = [str(path) for path in recipe.whole().ins]
    words = (*ins, "--out", "exp/report", "--note", "Each language is one speaker.\n\nTest <b>two</b>.")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = step(*words)
    assert done.returncode == 0, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 6
    text = Path("exp/report/RESULTS.md").read_text()
    assert Path("exp/RESULTS.md").read_text() == text
    assert re.match(r"# Results: mini/ssl, preset quick; \d{4}-\d\d-\d\d; SYNTHETIC audio\n", text)
    assert "\n> Each language is one speaker.\n\n> Test &lt;b&gt;two&lt;/b&gt;.\n" in text
    assert "Commit: abc1234" in text
    assert Path("exp/report/index.html").is_file()
    assert "nothing to do" in step(*words).stdout
    shutil.rmtree("exp/report")
    assert step(*words).returncode == 0 and Path("exp/RESULTS.md").read_text() == text


def test_a_broken_file_ends_the_step_without_a_traceback_and_leaves_no_old_table(recipe):
    recipe.whole().write("exp/it1/codebook/codebook.json", "{")
    recipe.write("exp/RESULTS.md", "the table of an older run")
    done = step(*map(str, recipe.ins), "--out", "exp/report")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "exp/it1/codebook/codebook.json" in done.stderr
    assert not Path("exp/RESULTS.md").exists()
