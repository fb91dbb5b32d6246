"""The error rate after each step of a profile."""

from __future__ import annotations

import json
from pathlib import Path

import jiwer
import pytest
from arabic_texts import sentences
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.score.normalisation import main, step_by_step
from toolkit.text.normalise import PROFILES

REFERENCES = {"a": "كَتَبَ الدَّرْسَ", "b": "مدرسة، كبيرة"}
HYPOTHESES = {"a": "كتب الدرس", "b": "مدرسه كبيره"}


def rates(name: str) -> dict[str, float | None]:
    return {row.step: row.percent for row in step_by_step(REFERENCES, HYPOTHESES, PROFILES[name])}


def test_each_step_has_the_rate_that_it_and_those_before_it_leave() -> None:
    percent = rates("sawt")  # by hand: 4 words, all wrong; 2 of them by diacritics, 2 by teh marbuta, 1 by a comma, too
    assert percent["(as given)"] == 100
    assert (percent["presentation"], percent["diacritics"], percent["alef maqsura"]) == (100, 50, 50)
    assert (percent["teh marbuta"], percent["punctuation"], percent["white space"]) == (25, 0, 0)


def test_each_rule_of_sawt_that_makes_two_spellings_one_takes_its_own_errors_away() -> None:
    references = {"a": "عبدا\ufdf2 و ملڢات ١٬٢٥٠ ♪"}  # 5 words, of which the hypothesis has 3, each otherwise
    stages = step_by_step(references, {"a": "عبدالله وملفات 1250"}, PROFILES["sawt"])
    counts = {stage.step: (stage.errors.edits, stage.errors.length) for stage in stages}
    assert [counts[step] for step in ("(as given)", "presentation", "digits", "thousands", "symbols", "lone waw")] == [
        (5, 5),
        (4, 5),
        (4, 5),
        (3, 5),
        (2, 4),
        (0, 3),
    ]


def test_a_profile_that_breaks_words_at_diacritics_raises_the_rate_of_a_perfect_hypothesis() -> None:
    stages = step_by_step({"a": "كَتَبَ"}, {"a": "كتب"}, PROFILES["whisper-basic"])
    symbols = next(row for row in stages if row.step == "symbols")
    assert symbols.errors.length == 3  # ك ت ب
    assert step_by_step({"a": "كَتَبَ"}, {"a": "كتب"}, PROFILES["sawt"])[-1].percent == 0


@pytest.mark.parametrize("name", PROFILES)
@given(st.lists(st.tuples(sentences, sentences), min_size=1, max_size=4))
@settings(max_examples=20)
def test_the_last_rate_is_jiwers_on_normalised_texts(name: str, pairs: list[tuple[str, str]]) -> None:
    chosen = PROFILES[name]
    references, hypotheses = ({str(i): pair[side] for i, pair in enumerate(pairs)} for side in (0, 1))
    last = step_by_step(references, hypotheses, chosen)[-1]
    normalised = [chosen(text) for text in references.values()]
    if not all(text.strip() for text in normalised):  # jiwer takes no empty reference
        return
    assert last.percent == pytest.approx(100 * jiwer.wer(normalised, [chosen(text) for text in hypotheses.values()]))


def test_the_command_shows_the_steps_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, texts in (("ref", REFERENCES), ("hyp", HYPOTHESES)):
        (tmp_path / name).write_text("".join(f"{id} {text}\n" for id, text in texts.items()), encoding="utf-8")
    words = ["--ref", str(tmp_path / "ref"), "--hyp", str(tmp_path / "hyp")]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("sawt@2, 2 utterances")
    rows = {line[: len("persian letters")].strip(): line[len("persian letters") :].split() for line in lines[2:]}
    assert rows["diacritics"] == ["50.00", "-50.00", "2", "0", "0", "4", "1", "0"]
    assert rows["punctuation"][:2] == ["0.00", "-25.00"]


def test_rates_above_100_and_references_without_a_word_are_flagged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ref").write_text("a hello\n", encoding="utf-8")
    (tmp_path / "hyp").write_text("a نعم نعم\n", encoding="utf-8")
    words = ["--ref", str(tmp_path / "ref"), "--hyp", str(tmp_path / "hyp"), "--profile", "to-distill"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].endswith("above 100") and lines[-1].endswith("no reference has a word")


def test_ids_of_one_side_alone_or_twice_are_named(tmp_path: Path) -> None:
    (tmp_path / "ref").write_text("a x\nb y\n", encoding="utf-8")
    (tmp_path / "hyp").write_text("a x\na y\n", encoding="utf-8")
    with pytest.raises(UserError, match="two texts of a"):
        main(["--ref", str(tmp_path / "ref"), "--hyp", str(tmp_path / "hyp")])
    (tmp_path / "hyp").write_text("a x\n", encoding="utf-8")
    with pytest.raises(UserError, match="without a hypothesis: b"):
        main(["--ref", str(tmp_path / "ref"), "--hyp", str(tmp_path / "hyp")])


def test_json_lines_and_data_directories_are_read_as_kaldi_texts_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("".join(f"{id} {text}\n" for id, text in REFERENCES.items()), encoding="utf-8")
    rows = (json.dumps({"id": id, "text": text}) + "\n" for id, text in HYPOTHESES.items())
    (tmp_path / "hyp.jsonl").write_text("".join(rows), encoding="utf-8")
    assert main(["--ref", str(tmp_path), "--hyp", str(tmp_path / "hyp.jsonl")]) == 0
    lines = capsys.readouterr().out.splitlines()
    wrong = jiwer.wer(list(REFERENCES.values()), list(HYPOTHESES.values()))
    assert lines[2].split()[2] == f"{100 * wrong:.2f}" and lines[-1].split()[2] == "0.00"
