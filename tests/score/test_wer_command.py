"""score.wer as a user types it: sets, dialects, several references, odd files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import editdistance
import jiwer
import pytest
from scipy import stats

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.score.pairing import paired
from toolkit.score.texts import Texts
from toolkit.score.verify import verify
from toolkit.text.normalise import profile

PLAIN = profile("orthographic").id

REF = {"ب-1": "ذَهَبَ الولد إلى المدرسة", "ب-2": "قرأ كتاباً جديداً", "ج-1": "السلام عليكم", "ج-2": "٣ كتب"}
HYP = {"ب-1": "ذهب الولد الى مدرسة", "ب-2": "قرأ كتابا", "ج-1": "السلام عليكم ورحمة الله", "ج-2": "٣ كتب"}


def write(path: Path, texts: dict[str, str]) -> str:
    path.write_text("".join(f"{id} {text}\n" for id, text in texts.items()), encoding="utf-8")
    return str(path)


def wer(*words: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", "toolkit.score.wer", *words], capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def scored(folder: Path, *words: str) -> tuple[dict[tuple[str, str | None, str], Any], dict[str, Any], str]:
    """(line by set, dialect and measure; the whole of wer.json; what was printed)."""
    code, output = wer(*words, "--out", str(folder / "out"))
    assert code == 0, output
    tree = read_json(folder / "out/wer.json")
    return {(line["set"], line["dialect"], line["measure"]): line for line in tree["lines"]}, tree, output


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write(tmp_path / "ref", REF)
    write(tmp_path / "hyp", HYP)
    write(tmp_path / "utt2lang", {id: "مصري" if id[0] == "ب" else "MSA" for id in REF})
    write(tmp_path / "utt2spk", {id: id[0] for id in REF})
    return tmp_path


def test_rates_counts_and_means_are_jiwers_per_set_and_dialect(files: Path) -> None:
    words = ["--ref", str(files / "ref"), "--hyp", f"t={files / 'hyp'}", "--by", str(files / "utt2lang")]
    lines, tree, output = scored(files, *words, "--speakers", str(files / "utt2spk"), "--profile", "sawt", "--verify")
    for dialect in (None, "مصري", "MSA"):
        ids = [id for id in REF if dialect is None or (id[0] == "ب") == (dialect == "مصري")]
        pairs = [REF[id] for id in ids], [HYP[id] for id in ids]
        for measure, peer in (("WER", jiwer.process_words(*pairs)), ("CER", jiwer.process_characters(*pairs))):
            line = lines["t", dialect, measure]
            line_scores = line["scores"][PLAIN]
            assert line_scores["percent"] == pytest.approx(100 * getattr(peer, measure.lower()))
            assert [line_scores[n] for n in ("substitutions", "deletions", "insertions")] == [
                peer.substitutions,
                peer.deletions,
                peer.insertions,
            ]
            assert line_scores["length"] == peer.hits + peer.substitutions + peer.deletions
            assert line_scores["profile"] == PLAIN and set(line["scores"]) == {PLAIN, profile("sawt").id}
            assert line["utterances"] == len(ids)
    rates = [lines["t", d, "WER"]["scores"][PLAIN]["percent"] for d in ("مصري", "MSA")]
    macro = lines["t", "macro over dialects", "WER"]["scores"][PLAIN]["percent"]
    assert macro == pytest.approx(sum(rates) / 2)
    each = [jiwer.wer(REF[id], HYP[id]) for id in REF]
    assert lines["t", None, "WER"]["scores"][PLAIN]["mean_of_utterances"] == pytest.approx(25 * sum(each))
    assert tree["blocks"] == "speaker" and "over blocks of one speaker" in output
    assert output.count(": equal: jiwer") == 4
    assert (files / "out/wer.md").read_text(encoding="utf-8").startswith("**Error rates**\n\n| Set | Dialect |")


def test_sets_have_a_micro_and_a_macro_line(files: Path) -> None:
    one, two = {"a": "كتاب جديد"}, {"b": "ا ب ت ث", "c": "ج ح"}
    refs = [f"x={write(files / 'r1', one)}", f"y={write(files / 'r2', two)}"]
    hyps = [f"x={write(files / 'h1', {'a': 'كتاب'})}", f"y={write(files / 'h2', {'b': 'ا ب ت ث', 'c': 'ج'})}"]
    lines, _, _ = scored(files, "--ref", *refs, "--hyp", *hyps)
    assert lines["all sets", None, "WER"]["scores"][PLAIN]["percent"] == pytest.approx(25.0)  # 2 of 8
    macro = lines["macro over sets", None, "WER"]["scores"][PLAIN]["percent"]
    assert macro == pytest.approx((100 / 2 + 100 / 6) / 2)


def test_the_table_says_why_an_interval_is_wide_or_missing_and_what_a_macro_mean_leaves_out(files: Path) -> None:
    """Two utterances: Student's t of one degree of freedom over the normal quantile, and √2."""
    refs = [
        f"x={write(files / 'r1', {'a': 'في البيت', 'b': 'ذهب إلى المدرسة'})}",
        f"y={write(files / 'r2', {'c': '،'})}",
    ]
    hyps = [
        f"x={write(files / 'h1', {'a': 'في بيت', 'b': 'ذهب إلى المدرسة'})}",
        f"y={write(files / 'h2', {'c': 'نعم'})}",
    ]
    lines, _, output = scored(files, "--ref", *refs, "--hyp", *hyps, "--profile", "sawt")
    factor = stats.t.ppf(0.975, 1) / stats.norm.ppf(0.975) * 2**0.5
    assert f"over 2, the fewest here, {factor:.1f} times" in output
    assert lines["x", None, "WER"]["scores"][PLAIN]["block_count"] == 2
    assert "A rate without an interval: of one block" in output  # of the set y
    sawt = profile("sawt").id
    both = lines["macro over sets", None, "WER"]["scores"]
    assert (both[PLAIN]["parts"], both[sawt]["parts"]) == (2, 1)
    assert both[sawt]["percent"] == lines["x", None, "WER"]["scores"][sawt]["percent"] == 20.0
    assert f"macro over sets: WER under {sawt} is the mean of 1 of 2; no reference of the others has a token" in output
    assert f"under {PLAIN} is the mean of" not in output


def test_several_references_give_mr_wer_and_av_wer_and_a_gap_in_one_is_told(files: Path) -> None:
    refs = [write(files / "r1", {"a": "راح البيت", "b": "نعم"}), write(files / "r2", {"a": "رحل البيت"})]
    lines, tree, _ = scored(files, "--ref", *refs, "--hyp", f"t={write(files / 'h', {'a': 'رحل البيت', 'b': 'لا'})}")
    scores = {measure: line["scores"][PLAIN] for (_, _, measure), line in lines.items()}
    assert scores["WER 1"]["percent"] == pytest.approx(200 / 3) and scores["WER 2"]["percent"] == 0
    assert scores["AV-WER"]["percent"] == pytest.approx(100 / 3)
    assert scores["MR-WER"]["percent"] == pytest.approx(100 / 3)  # one substitution, two words correct
    (finding,) = tree["findings"]["t"]
    assert finding.startswith("utterances that ") and tree["findings"]["t"][finding] == {"count": 1, "examples": ["b"]}


def test_a_dialect_that_cannot_be_pooled_is_told_and_leaves_no_macro_mean_of_the_others(files: Path) -> None:
    """x has two references, y one: their مصري cannot be summed; a mean of the other two dialects is none of three."""
    refs = [f"x={write(files / f'r{k}', {'a': 'راح البيت', 'b': 'نعم', 'c': 'لا'})}" for k in (1, 2)]
    refs += [f"y={write(files / 'r3', {'d': 'إزيك'})}"]
    hyps = [
        f"x={write(files / 'h1', {'a': 'راح بيت', 'b': 'نعم', 'c': 'لا'})}",
        f"y={write(files / 'h2', {'d': 'ازيك'})}",
    ]
    table = write(files / "lang", {"a": "مصري", "b": "MSA", "c": "شامي", "d": "مصري"})
    lines, tree, output = scored(files, "--ref", *refs, "--hyp", *hyps, "--by", table)
    (scores,) = tree["findings"]["all sets"].values()
    assert scores == {"count": 2, "examples": ["all sets", "مصري"]} and "all sets: not pooled" in output
    assert ("all sets", "macro over dialects", "WER") not in lines and ("all sets", "MSA", "MR-WER") in lines
    assert ("x", "macro over dialects", "WER") in lines


def test_times_give_the_real_time_factor_and_more_than_100_percent_is_flagged(files: Path) -> None:
    rows = [{"id": "a", "text": "ا ب ت", "decode_seconds": 1.5, "audio_seconds": 4}]
    rows += [{"id": "b", "text": "ا ب ت", "decode_seconds": 0.5, "seconds": 1}, {"id": "c", "text": "ا"}]
    (files / "h.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ref = write(files / "r", {"a": "ا", "b": "ا", "c": "ا"})
    lines, _, output = scored(files, "--ref", ref, "--hyp", str(files / "h.jsonl"))
    line = lines["h", None, "WER"]
    assert (line["rtf"], line["utterances_timed"]) == (pytest.approx(2.0 / 5.0), 2)
    assert line["scores"][PLAIN]["above_100"] is True and "133.33!" in output


def test_empty_extra_and_repeated_utterances_are_counted_with_examples(files: Path) -> None:
    ref = write(files / "r", {"a": "ا ب", "b": "", "c": "ت"})
    (files / "h").write_text("a\nb ا\nc ت\nc  ت\nz ج\n", encoding="utf-8")
    lines, tree, output = scored(files, "--ref", ref, "--hyp", str(files / "h"))
    scores = lines["h", None, "WER"]["scores"][PLAIN]
    assert [scores[n] for n in ("substitutions", "deletions", "insertions", "length")] == [0, 2, 1, 3]
    assert {finding: f["examples"] for finding, f in tree["findings"]["h"].items()} == {
        "hypotheses without a reference, not scored": ["z"],
        "ids that come again in the hypothesis, with the same text": ["c"],
        f"empty references under {PLAIN}": ["b"],
        f"empty hypotheses under {PLAIN}": ["a"],
    }
    assert "not scored: 1 (z)" in output


def test_a_missing_hypothesis_is_refused_unless_it_is_to_count_as_empty(files: Path) -> None:
    ref, hyp = write(files / "r", {"a": "ا ب", "b": "ت"}), write(files / "h", {"a": "ا ب"})
    code, output = wer("--ref", ref, "--hyp", hyp)
    assert code == 1 and "1 (b) of 2" in output and "--missing empty" in output
    lines, tree, _ = scored(files, "--ref", ref, "--hyp", hyp, "--missing", "empty")
    assert lines["h", None, "WER"]["scores"][PLAIN]["deletions"] == 1
    assert "missing hypotheses, counted as all deletions" in tree["findings"]["h"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a \xd8\xa7\nb \xff\n", "no UTF-8: byte 0xFF at column 3"),
        (b"a x\0y\n", "a NUL: no text"),
        (b"../../etc/passwd x\n", "could leave its folder"),
        (b"a " + b"x" * 2_000_000 + b"\n", "a line of more than 1 MiB"),
        (b"\n \n", "no utterance in a file of texts"),
        (b"a x\na y\n", "two texts of a: 'x' and 'y'"),
        (b"a 1 0.00 0.40 x\na 1 0.40 0.30 y\n", "a file of CTM"),
        (b"a 1 0.00 0.40 x 0.97\n", "a file of CTM"),
        (b"a A spk 0.00 4.00 <o,f0> x y\n", "a file of STM"),
        (b'{"id": "a"}\n', "a line without an `id` and a `text`"),
        (b'{"id": "a", "text": "\\ud800"}\n', "text is not Unicode text"),
        (b'{"id": "a", "text": "x", "decode_seconds": NaN, "seconds": 1}\n', "is no number of seconds"),
        (b'{"id": \n', "no JSON"),
        (b'{"id": "a", "text": ' + b"[" * 100_000 + b"\n", "no JSON"),
    ],
)
def test_hostile_files_are_told_with_their_line(content: bytes, message: str, files: Path) -> None:
    (files / "bad").write_bytes(content)
    code, told = wer("--ref", str(files / "ref"), "--hyp", str(files / "bad"))
    assert code == 1 and message in told and str(files / "bad") in told and "remedy: " in told


def test_no_dialect_is_no_class_of_a_macro_mean(files: Path) -> None:
    ref = write(files / "r", {"a": "ا ب", "b": "ت ث", "c": "ج ح"})
    hyp = write(files / "h", {"a": "ا ب", "b": "ت", "c": "خ د"})
    by = write(files / "by", {"a": "EGY", "b": "MOR"})
    _, tree, output = scored(files, "--ref", ref, "--hyp", hyp, "--by", by)
    macro = next(
        line for line in tree["lines"] if line["dialect"] == "macro over dialects" and line["measure"] == "WER"
    )
    assert macro["scores"][PLAIN]["percent"] == 25 and "called unknown, which is in no macro mean: 1 (c)" in output


@pytest.mark.parametrize("word", ["unknown", "UNK", "N/A", "nan", "غير معروف", "-"])
def test_a_dialect_that_is_said_not_to_be_known_is_no_class_of_a_macro_mean_and_is_counted(
    files: Path, word: str
) -> None:
    """Error rates of 100 % and 0 %: their mean is 50, and 33.33 with a third class without errors."""
    ref = write(files / "r", {"a": "ا ب", "b": "ت ث", "c": "ج ح", "d": "خ"})
    hyp = write(files / "h", {"a": "س ش", "b": "ت ث", "c": "ج ح", "d": "خ"})
    by = write(files / "by", {"a": "EGY", "b": "MOR", "c": word})
    lines, _, output = scored(files, "--ref", ref, "--hyp", hyp, "--by", by)
    macro = lines["h", "macro over dialects", "WER"]
    assert (macro["scores"][PLAIN]["percent"], macro["utterances"], macro["utterances_left_out"]) == (50, 2, 2)
    assert lines["h", "unknown", "WER"]["utterances"] == 2
    assert "macro over dialects, without 2 utterances of no known dialect" in output
    assert "which is in no macro mean: 2 (c, d)" in output


def test_quotation_marks_that_a_writer_of_csv_left_are_told(files: Path) -> None:
    ref, hyp = write(files / "r", {"a": "ا ب", "b": "ت ث"}), write(files / "h", {"a": '"ا ب"', "b": "ت ث"})
    assert (
        "hypotheses in quotation marks, which count as they stand: 1 (a)"
        in scored(files, "--ref", ref, "--hyp", hyp)[2]
    )
    assert "quotation" not in scored(files, "--ref", hyp, "--hyp", hyp)[2]


def test_the_real_time_factor_says_of_how_many_utterances_it_is(files: Path) -> None:
    lines = '{"id": "a", "text": "ا", "decode_seconds": 1, "audio_seconds": 2}\n{"id": "b", "text": "ا"}\n'
    (files / "h.jsonl").write_text(lines, encoding="utf-8")
    ref = write(files / "r", {"a": "ا", "b": "ا"})
    assert "RTF of 1 of 2 utterances" in scored(files, "--ref", ref, "--hyp", str(files / "h.jsonl"))[2]


def test_the_rest_of_a_broken_line_is_no_utterance(tmp_path: Path) -> None:
    """The first half would be scored as the whole. Where references have such ids too, it may be an utterance."""
    (tmp_path / "ref").write_text("u1 كيف الحال اليوم\nu2 شكرا\n")
    (tmp_path / "hyp").write_text("u1 كيف\nالحال اليوم\nu2 شكرا\n")
    code, told = wer("--ref", str(tmp_path / "ref"), "--hyp", str(tmp_path / "hyp"))
    assert code == 1 and "'الحال'" in told and "rest of the text of u1" in told
    (tmp_path / "ref").write_text("u1 كيف\nعام شكرا\nu2 شكرا\n")
    code, told = wer("--ref", str(tmp_path / "ref"), "--hyp", str(tmp_path / "hyp"), "--missing", "empty")
    assert code == 0 and "without a reference, not scored: 1 (الحال)" in told


def test_of_several_references_it_is_said_which_number_is_which_file(tmp_path):
    for name in ("Ali", "Omar"):
        (tmp_path / f"text_{name}").write_text("ج-1 إيه الأخبار\n", encoding="utf-8")
    words = [
        "--ref",
        *(str(tmp_path / f"text_{name}") for name in ("Omar", "Ali")),
        "--hyp",
        str(tmp_path / "text_Ali"),
    ]
    done = subprocess.run([sys.executable, "-m", "toolkit.score.wer", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"WER 1 is against {tmp_path}/text_Omar, WER 2 is against {tmp_path}/text_Ali" in done.stdout


def test_a_table_of_speakers_or_ids_in_the_place_of_dialects_is_refused(files: Path) -> None:
    texts = {f"u{i}": "كلمة" for i in range(600)}
    write(files / "ref", texts)
    write(files / "labels", {id: f"L{id}" for id in texts})
    code, output = wer("--ref", str(files / "ref"), "--hyp", str(files / "ref"), "--by", str(files / "labels"))
    assert code == 1 and "600 different dialects" in output and "Traceback" not in output


def test_the_peers_count_diacritics_and_spaces_as_we_do_and_an_empty_reference_is_shown_to_editdistance_alone(
    files: Path,
) -> None:
    ref = write(files / "r", {"a": "كَتَبَ  الوَلَدُ", "b": "", "c": "مُدَرِّسَةٌ", "d": "قرأ"})
    hyp = write(files / "h", {"a": "كَتَبَ الولدُ", "b": "نعم", "c": "مدرسة", "d": ""})
    code, output = wer("--ref", ref, "--hyp", f"t={hyp}", "--profile", "sawt", "--verify")
    assert code == 0, output
    lines = [line for line in output.splitlines() if line.startswith("verify t")]
    assert len(lines) == 4 and all(": equal: jiwer on 3 pairs (S, D, I" in line for line in lines)
    assert all("editdistance on 4 pairs (edits, " in line for line in lines)
    # Orthographic words: two of a, c and d are substituted or deleted, 3 of 4; b adds an insertion.
    assert (
        f"{PLAIN}, WER: equal: jiwer on 3 pairs (S, D, I, 75.00 %), editdistance on 4 pairs (edits, 100.00 %)"
        in (lines[0])
    )


def test_every_pair_of_texts_that_a_peer_counts_otherwise_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [{"a": "كَتَبَ الولد", "b": "ذهب"}, {"a": "كتب الولد", "b": "ذهب"}]
    set_, _ = paired("t", [Texts(Path("r"), texts[0])], Texts(Path("h"), texts[1]))
    monkeypatch.setattr(editdistance, "eval", lambda one, two: 2 * (one != two))
    with pytest.raises(UserError, match="differ from the peers': t, "):
        verify([set_], [profile("orthographic")])
    output = capsys.readouterr().out.splitlines()
    assert output[0].startswith(f"verify t, {PLAIN}, WER: NOT EQUAL to editdistance: ")
    pair = "reference 'كَتَبَ الولد', hypothesis 'كتب الولد'"
    assert output[1] == f"  a: ours S 1, D 0, I 0, editdistance 2 edits: {pair}"
    assert output[2] == "  all: ours 33.3333 %, editdistance 66.6667 %"


def test_scoring_imports_the_peers_only_to_verify() -> None:
    code = (
        "import sys, toolkit.score.wer, toolkit.report.__main__; print({'jiwer', 'editdistance', 'librosa', 'sklearn'} "
    )
    done = subprocess.run([sys.executable, "-c", f"{code}& {{*sys.modules}})"], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
