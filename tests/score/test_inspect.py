from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.score.inspect import main
from toolkit.score.wer import count_errors, words

REFERENCES = {
    "egy-1": "قال مش عارف ليه",
    "egy-2": "هو فين دلوقتي",
    "lev-1": "شو بدك تاكل هلق",
    "msa-1": "كتب الولد درسه كله في البيت",
    "msa-2": "كِتَابٌ جَدِيدٌ",
    "msa-3": "",
    "lost": "نعم",
}
HYPOTHESES = {
    "egy-1": "قال لا عارف لماذا",
    "egy-2": "",
    "lev-1": "شور بدك تاكل هلق",
    "msa-1": "كتب الولد درسه",
    "msa-2": "كتاب جديد",
    "msa-3": "نعم نعم",
    "extra": "نعم",
}
LABELS = {"egy-1": "EGY", "egy-2": "EGY", "lev-1": "LEV", "msa-1": "MSA", "msa-2": "MSA\u200f", "never": "MSA"}
ROWS = {
    "egy-1": ("EGY", "MSA translation"),
    "egy-2": ("EGY", "empty"),
    "lev-1": ("LEV", "dialectal inaccuracy"),
    "msa-1": ("MSA", "incomplete"),
    "msa-2": ("MSA", "correct"),
    "msa-3": ("unknown", "hallucination"),
}


def table(path: Path, texts: dict[str, str]) -> Path:
    path.write_text("".join(f"{id} {text}\n" for id, text in texts.items()), encoding="utf-8")
    return path


def run(tmp_path: Path, references: dict[str, str], hypotheses: dict[str, str], *more: str) -> Path:
    ref, hyp, out = table(tmp_path / "ref", references), table(tmp_path / "hyp", hypotheses), tmp_path / "out"
    assert main(["--ref", str(ref), "--hyp", str(hyp), "--out", str(out), *more]) == 0
    return out


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return run(tmp_path, REFERENCES, HYPOTHESES, "--by", str(table(tmp_path / "utt2lang", LABELS)))


def summary(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


class Page(HTMLParser):
    """What a browser would make of a page, as far as tests ask."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self.html = (out / "index.html").read_text(encoding="utf-8")
        self.starts: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.starts.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.starts[-1][0] if self.starts else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.starts if name == tag]


def test_every_utterance_has_a_row_with_its_label_and_category(made: Path) -> None:
    head, *lines = (made / "categories.tsv").read_text(encoding="utf-8").splitlines()
    assert head == "id\tlabel\tcategory\twhy"
    rows = [line.split("\t") for line in lines]
    assert {row[0]: (row[1], row[2]) for row in rows} == ROWS
    assert [row[0] for row in rows] == sorted(ROWS)
    assert rows[0][3] == "2 of 2 dialect words in MSA: مش=لا, ليه=لماذا"


def test_counts_are_those_of_the_rows_over_all_by_label_and_as_mean_of_the_labels(made: Path) -> None:
    counts = summary(made)
    assert counts["micro"]["utterances"] == 6
    assert counts["micro"]["categories"]["empty"] == {"count": 1, "percent": pytest.approx(100 / 6)}
    assert {label: group["utterances"] for label, group in counts["labels"].items()} == {
        "EGY": 2, "LEV": 1, "MSA": 2, "unknown": 1,
    }  # fmt: skip
    assert counts["labels"]["EGY"]["categories"]["empty"]["percent"] == 50
    assert counts["macro_percent"]["empty"] == pytest.approx(50 / 3)
    assert counts["macro_percent"]["incomplete"] == pytest.approx(50 / 3)
    assert (counts["micro"]["empty_references"], counts["micro"]["empty_hypotheses"]) == (1, 1)
    assert counts["micro"]["judged_for_dialect"] == 3  # egy-1, egy-2, lev-1 have words of the lexicon


def test_edits_are_those_of_the_error_rate(made: Path) -> None:
    plain = {**REFERENCES, "msa-2": "كتاب جديد"}  # what a profile makes of it
    errors = [count_errors(words(plain[id]), words(HYPOTHESES[id])) for id in ROWS]
    counts = summary(made)["micro"]
    assert counts["edits"] == sum(e.edits for e in errors)
    assert counts["wer_percent"] == pytest.approx(100 * sum(e.edits for e in errors) / sum(e.length for e in errors))


def test_utterances_of_one_side_are_reported_and_not_judged(made: Path) -> None:
    assert summary(made)["dropped"] == {"without a hypothesis": 1, "without a reference": 1}
    rows = [line.split("\t") for line in (made / "dropped.tsv").read_text(encoding="utf-8").splitlines()]
    assert [(row[0], row[2]) for row in rows] == [("extra", "without a reference"), ("lost", "without a hypothesis")]


def test_references_that_are_all_empty_have_no_rate(tmp_path: Path) -> None:
    out = run(tmp_path, {"a": "", "b": ""}, {"a": "", "b": "نعم"})
    assert summary(out)["micro"]["wer_percent"] is None
    assert summary(out)["micro"]["categories"]["correct"]["count"] == 1


def test_the_same_inputs_give_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    ref, hyp = table(tmp_path / "ref", REFERENCES), table(tmp_path / "hyp", HYPOTHESES)
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "toolkit.score.inspect", "--ref", str(ref), "--hyp", str(hyp)]
        env = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([*command, "--out", str(tmp_path / seed), "--worst", "1", "--drawn", "2"], check=True, env=env)
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / seed).iterdir()} for seed in ("1", "2"))
    assert first == second
    assert set(first) == {"categories.tsv", "summary.json", "index.html", "dropped.tsv"}


def test_json_lines_give_what_kaldi_lines_give(tmp_path: Path, made: Path) -> None:
    sides = []
    for name, texts in (("ref", REFERENCES), ("hyp", HYPOTHESES)):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in texts.items()), encoding="utf-8")
        sides += [f"--{name}", str(path)]
    main([*sides, "--by", str(tmp_path / "utt2lang"), "--out", str(tmp_path / "again")])
    assert (tmp_path / "again/categories.tsv").read_bytes() == (made / "categories.tsv").read_bytes()


def test_a_label_that_says_it_is_not_known_is_none_of_the_mean_and_the_summary_counts_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = table(tmp_path / "labels", {"a": "EGY", "b": "LEV", "c": "N/A", "d": "غير معروف"})
    spoken = dict.fromkeys("abcd", "نعم")
    out = run(tmp_path, spoken, {**spoken, "a": ""}, "--by", str(labels))
    counts = summary(out)
    assert {label: group["utterances"] for label, group in counts["labels"].items()} == {
        "EGY": 1,
        "LEV": 1,
        "unknown": 2,
    }
    assert (counts["macro_percent"]["empty"], counts["macro_left_out"]) == (50, 2)
    assert "mean of the labels, without 2 of no known label" in Page(out).html
    assert "2 utterances have no known label" in capsys.readouterr().out


def test_where_no_label_is_known_there_is_no_mean_of_the_labels(tmp_path: Path) -> None:
    spoken = dict.fromkeys("ab", "نعم")
    out = run(
        tmp_path, spoken, {**spoken, "a": ""}, "--by", str(table(tmp_path / "labels", dict.fromkeys("ab", "UNK")))
    )
    assert (summary(out)["macro_percent"], summary(out)["macro_left_out"]) == ({}, 2)
    assert "mean of the labels" not in Page(out).html


def test_an_msa_reference_is_taken_where_there_is_one(tmp_path: Path) -> None:
    msa = table(tmp_path / "msa", {"a": "جلس الرجل هنا"})
    spoken, heard = {"a": "قعد الزلمة هون", "b": "قعد الزلمة هون"}, {"a": "جلس الرجل هنا", "b": "جلس الرجل هنا"}
    categories = (run(tmp_path, spoken, heard, "--msa", str(msa)) / "categories.tsv").read_text(encoding="utf-8")
    rows = re.findall(r"^(\w)\tunknown\t([\w ]+)", categories, re.M)
    assert rows == [("a", "MSA translation"), ("b", "hallucination")]


def test_the_page_runs_no_script_but_its_own_and_asks_nothing_of_the_network(tmp_path: Path) -> None:
    evil = '<script>alert(1)</script> "><img src=x onerror=alert(2)> </bdi></ol> {{ 7*7 }} javascript:alert(3)'
    labels = table(tmp_path / "utt2lang", {"a": '"onmouseover="alert(4)', "b": "<b>LEV</b>"})
    # Of several ids, labels and both sides
    out = run(tmp_path, {"a": evil, "b": "نعم"}, {"a": "نعم", "b": evil}, "--by", str(labels))
    page = Page(out)
    assert len(page.all("script")) == 1 and page.all("script")[0] == {}
    assert not page.all("img") and not page.all("b")[2:]  # one <b> for each of the two utterances: its category
    assert not [name for _, attrs in page.starts for name in attrs if name.startswith("on")]
    addresses = [v for _, attrs in page.starts for k, v in attrs.items() if k in ("src", "href", "action")]
    assert addresses == ["data:,"]
    assert "://" not in page.html and "url(" not in page.html
    script = re.search(r"<script>(.*)</script>", page.html, re.S)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert script and policy
    hashed = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"script-src 'sha256-{hashed}'" in policy
    assert '"onmouseover="alert(4)' in [a.get("data-label") for a in page.all("article")]


def test_words_stand_in_their_order_in_a_row_from_right_to_left(tmp_path: Path) -> None:
    out = run(tmp_path, {"a": "اشترى whatsapp في 2014"}, {"a": "اشترت whatsapp في عام 2014"})
    page = Page(out)
    row = next(attrs for attrs in page.all("ol"))
    assert (row["dir"], row["lang"]) == ("rtl", "ar")
    cells = re.findall(r'<li class="(\w)"><bdi class="r">(.*?)</bdi><bdi class="h">(.*?)</bdi></li>', page.html)
    assert [kind for kind, _, _ in cells] == ["s", "c", "c", "i", "c"]
    assert [heard for _, _, heard in cells][1:] == ["whatsapp", "في", "عام", "2014"]
    assert [spoken for _, spoken, _ in cells][1:] == ["whatsapp", "في", "", "2014"]


def test_a_row_of_latin_words_runs_from_left_to_right(tmp_path: Path) -> None:
    page = Page(run(tmp_path, {"a": "good morning"}, {"a": "good evening"}))
    assert page.all("ol")[0] == {"class": "alignment", "dir": "ltr"}


def test_marks_of_direction_in_a_text_do_not_reach_the_page(tmp_path: Path) -> None:
    page = Page(run(tmp_path, {"a": "نعم"}, {"a": "\u202eنعم\u2066 لا\u200f"}))
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", page.html)


def test_the_page_shows_the_worst_and_some_drawn_and_stays_small(tmp_path: Path) -> None:
    references = {f"u{i:03}": " ".join(["كلمة"] * 10) for i in range(300)}
    hypotheses = {id: " ".join(["كلمة"] * (10 - i % 10)) for i, id in enumerate(references)}
    page = Page(run(tmp_path, references, hypotheses, "--worst", "5", "--drawn", "7"))
    shown = [str(a["data-id"]) for a in page.all("article")]
    assert 12 <= len(shown) <= 12 + 3 * 8  # and three examples of each category at most
    assert shown[:5] == [f"u{i:03}" for i in range(9, 59, 10)]  # nine edits each
    second = Page(run(tmp_path, references, hypotheses, "--worst", "5", "--drawn", "7", "--seed", "2"))
    assert shown != [a["data-id"] for a in second.all("article")]


def test_of_a_thousand_labels_the_page_has_the_largest_and_the_summary_all(tmp_path: Path) -> None:
    references = {f"u{i:04}": "نعم" for i in range(1002)}
    labels = {id: f"speaker{max(i - 2, 0):04}" for i, id in enumerate(references)}  # three of them the first's
    out = run(tmp_path, references, references, "--by", str(table(tmp_path / "utt2spk", labels)))
    assert len(summary(out)["labels"]) == 1000
    assert summary(out)["labels"]["speaker0000"]["utterances"] == 3
    page = Page(out)
    assert "speaker0000" in page.html and "of 1000; all of them" in page.html
    assert len(page.all("tr")) == 1 + 1 + 40 + 1  # the head, all, the labels, their mean


def test_a_word_of_a_thousand_letters_and_a_text_of_a_thousand_words_are_cut(tmp_path: Path) -> None:
    page = Page(run(tmp_path, {"a": "ب" * 1000, "b": "نعم"}, {"a": "نعم", "b": "لا " * 1000}))
    assert "ب" * 41 not in page.html.split('class="w"')[0]
    assert "… 850 more" in page.html
    assert len(page.html) < 100_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hyp", "none"], "no such file"),
        (["--hyp", "other"], "no utterance in common"),
        (["--profile", "nobody's"], "nobody's"),
        (["--worst", "-1"], "worst must be"),
        (["--config", "bad.yaml"], "did you mean rules.msa_share"),
        (["--out", "."], "not of this command"),
    ],
)
def test_mistakes_say_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    table(Path("ref"), {"a": "نعم"}), table(Path("hyp"), {"a": "نعم"}), table(Path("other"), {"b": "نعم"})
    Path("bad.yaml").write_text("rules:\n  msa_shere: 0.1\n")
    with pytest.raises(UserError) as raised:
        main(["--ref", "ref", "--hyp", "hyp", "--out", "out", *words])
    assert message in str(raised.value)
    assert not Path("out").exists()


def test_a_second_run_replaces_the_first(tmp_path: Path, made: Path) -> None:
    again = run(tmp_path, {"a": "نعم"}, {"a": "نعم"})
    assert again == made
    assert summary(again)["micro"]["utterances"] == 1
