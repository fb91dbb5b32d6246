"""Tables of labels that `--by` names: what is no label, and what may be one label written in two ways."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.score import inspect, wer
from toolkit.score.labels import check_labels


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "text").write_text("a نعم\nb لا\nc هنا\n", encoding="utf-8")
    return ["--ref", str(tmp_path / "text"), "--hyp", str(tmp_path / "text"), "--out", str(tmp_path / "out")]


def test_labels_that_differ_only_in_case_are_told(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "by").write_text("a MSA\nb msa\nc EGY\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["wer", *words, "--by", str(tmp_path / "by")])
    wer.main()
    assert "dialects that may be one: 1 (MSA, msa differ only in case and stay apart)" in capsys.readouterr().out
    words[-1] += "2"
    assert inspect.main([*words, "--by", str(tmp_path / "by")]) == 0
    assert "WARNING: labels: MSA, msa differ only in case and stay apart" in capsys.readouterr().out


def test_two_names_of_one_dialect_are_told_and_a_label_of_nobody_is_no_class_of_the_mean(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hyp").write_text("a نعم\nb نعم\nc لا\n", encoding="utf-8")
    words[3] = str(tmp_path / "hyp")
    (tmp_path / "by").write_text("a EGY\nb Egyptian\nc not_applicable\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["wer", *words, "--by", str(tmp_path / "by")])
    wer.main()
    out = capsys.readouterr().out
    assert "dialects that may be one: 1 (EGY, Egyptian are names of one dialect and stay apart)" in out
    macro = [line for line in out.splitlines() if "macro over dialects" in line and "WER" in line]
    assert macro and all("50.00" in line and "66.67" not in line for line in macro), out


@pytest.mark.parametrize(
    "label", ["MSA 0.9", "مصري .75", "MSA 1e-35", "MSA 2.5e-3", "MSA 1.0", "EGY 87%", "EGY 87.5 %"]
)
def test_a_score_behind_a_label_is_no_part_of_it(label: str) -> None:
    with pytest.raises(UserError, match="b has a number behind its label"):
        check_labels({"a": "MSA", "b": label}, Path("by"), {"a", "b"})


@pytest.mark.parametrize("label", ["مصري صعيدي", "region 2", "0.9", "غير معروف", "MSA v1.2"])
def test_a_label_of_several_words_is_one(label: str) -> None:
    check_labels({"a": "MSA", "b": label}, Path("by"), {"a", "b"})


@pytest.mark.parametrize(("table", "message"), [("x MSA\ny EGY\n", "no utterance in common: x"), ("a MSA 0.9\n", "")])
def test_a_table_of_none_of_the_utterances_is_refused_by_name(
    words: list[str], tmp_path: Path, table: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "by").write_text(table, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        inspect.main([*words, "--by", str(tmp_path / "by")])
    assert message in str(refused.value) and str(tmp_path / "by") in str(refused.value)
    monkeypatch.setattr(sys, "argv", ["wer", *words, "--by", str(tmp_path / "by")])
    with pytest.raises(SystemExit):
        wer.main()
