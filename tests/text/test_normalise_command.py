"""The command lines that normalise, transliterate and trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.text import buckwalter, normalise
from toolkit.text.lines import LONGEST_MB

ALL = [*normalise.PROFILES.values(), *normalise.EARLIER.values()]
TEXT = "u1 أَهْلًا بكم\nu2\nu3 ســلام ٣\n"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_text(TEXT, encoding="utf-8")
    return path


def output(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert normalise.main(words) == 0
    return capsys.readouterr().out.splitlines()


def test_lines_are_normalised_and_ids_kept(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "--kaldi", str(text)) == ["u1 اهلا بكم", "u2", "u3 سلام 3"]


def test_an_id_is_not_normalised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t").write_text("أحمد-٣ أحمد\n", encoding="utf-8")
    assert output(capsys, "--kaldi", str(tmp_path / "t")) == ["أحمد-٣ احمد"]


def test_the_trace_names_code_points_and_sums_up(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "--kaldi", "--trace", str(text))
    assert lines[0] == f"{text}:1 u1: أَهْلًا بكم"
    assert "U+064E ARABIC FATHA" in lines[2] and "U+0652 ARABIC SUKUN" in lines[2]
    assert "sawt@2: 2 of 3 lines changed" in lines
    rows = {line.split("  ")[0]: line.split()[:4] for line in lines[lines.index("sawt@2: 2 of 3 lines changed") + 2 :]}
    assert rows["diacritics"][1:3] == ["1", "0"]
    assert rows["tatweel"][1:3] == ["1", "0"]
    assert rows["digits"][1:3] == ["1", "0"]
    assert rows["teh marbuta"][2:4] == ["0", "0"]


def test_the_summary_counts_the_letters_that_a_filter_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t").write_text("ﻻ کتاب ab\n", encoding="utf-8")  # lam and alef, keheh, a and b
    lines = output(capsys, "--trace", "--profile", "to-distill", str(tmp_path / "t"))
    assert next(line for line in lines if line.startswith("filter")).split()[:3] == ["filter", "1", "5"]


def test_the_trace_shows_no_control_character_to_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t").write_text("أ\x1b[2Jب\n", encoding="utf-8")
    lines = output(capsys, "--trace", str(tmp_path / "t"))
    assert lines[0] == f"{tmp_path / 't'}:1: أ\\x1b[2Jب" and not any("\x1b" in line for line in lines)


def test_the_trace_shows_which_rule_changed_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t").write_text("u-٣ عبدا\ufdf2 و ملڢات ١٬٢٥٠ ♪\n", encoding="utf-8")
    lines = output(capsys, "--kaldi", "--trace", str(tmp_path / "t"))
    assert lines[0].startswith(f"{tmp_path / 't'}:1 u-٣: ")  # the id as it is
    after = dict(line.split(". ", 1)[1].split(": ", 1) for line in lines if line.strip()[:1].isdigit() and ". " in line)
    assert after == {
        "presentation": "عبدالله و ملڢات ١٬٢٥٠ ♪",
        "maghribi letters": "عبدالله و ملفات ١٬٢٥٠ ♪",
        "digits": "عبدالله و ملفات 1٬250 ♪",
        "thousands": "عبدالله و ملفات 1250 ♪",
        "symbols": "عبدالله و ملفات 1250",
        "lone waw": "عبدالله وملفات 1250",
    }
    assert "-U+066C ARABIC THOUSANDS SEPARATOR" in "\n".join(lines)


def test_an_earlier_version_normalises_by_its_id(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text.write_text("u1 و قال ســلام\n", encoding="utf-8")
    assert output(capsys, "--kaldi", "--profile", "leaderboard@1", str(text)) == ["u1 و قال سلام"]
    assert output(capsys, "--kaldi", "--profile", "leaderboard", str(text)) == ["u1 وقال ســلام"]


def test_the_list_shows_every_profile_with_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    shown = "\n".join(output(capsys, "--list"))
    assert all(p.id in shown and all(step.meaning in shown for step in p.steps) for p in ALL)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xc7\xe1\xd3\xe1\xc7\xe3\n", "no UTF-8: byte 0xC7 at column 1"),
        (b"a\0b\n", "a NUL byte"),
        (b"x" * ((LONGEST_MB << 20) + 1), "a line longer than 1 MB"),
        (b"u1 a\n\n", "a line without an id"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path, data: bytes, problem: str) -> None:
    (tmp_path / "t").write_bytes(data)
    with pytest.raises(UserError, match=problem) as raised:
        normalise.main(["--kaldi", str(tmp_path / "t")])
    assert raised.value.where.startswith(f"{tmp_path / 't'}:")


def test_a_missing_file_and_an_unknown_profile_are_users_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        normalise.main([str(tmp_path / "none")])
    with pytest.raises(UserError, match="unknown profile swat") as raised:
        normalise.main(["--profile", "swat", str(tmp_path / "none")])
    assert "did you mean sawt?" in raised.value.remedy


@pytest.mark.parametrize("flags", [[], ["--trace"]])
def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path, flags: list[str]) -> None:
    (tmp_path / "t").write_text("أهلا وسهلا بكم في كل مكان\n" * 20000, encoding="utf-8")
    command = [sys.executable, "-m", "toolkit.text.normalise", *flags, str(tmp_path / "t")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"}
    ) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_buckwalter_keeps_ids_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ar").write_text("u1 أهلاً بكم @@LATIBM\n", encoding="utf-8")
    assert buckwalter.main(["--kaldi", str(tmp_path / "ar")]) == 0
    made = capsys.readouterr().out
    assert made == "u1 >hlAF bkm @@LATIBM\n"
    (tmp_path / "bw").write_text(made, encoding="utf-8")
    assert buckwalter.main(["--kaldi", "--reverse", str(tmp_path / "bw")]) == 0
    assert capsys.readouterr().out == (tmp_path / "ar").read_text(encoding="utf-8")


def test_words_that_are_no_buckwalter_stay_on_the_way_back_and_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t").write_text("qAl CNN ok\nnEm\n", encoding="utf-8")
    assert buckwalter.main(["--reverse", str(tmp_path / "t")]) == 0
    printed = capsys.readouterr()
    assert printed.out == "قال CNN ok\nنعم\n"
    assert printed.err.startswith("1 lines hold words that are no Buckwalter and stay")


def test_latin_words_without_a_mark_are_counted_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t").write_text("عندي meeting\nنعم\n", encoding="utf-8")
    assert buckwalter.main([str(tmp_path / "t")]) == 0
    assert capsys.readouterr().err.startswith("1 lines hold characters that are Buckwalter already")
    with pytest.raises(UserError, match="U\\+006D LATIN SMALL LETTER M") as raised:
        buckwalter.main(["--strict", str(tmp_path / "t")])
    assert raised.value.where == f"{tmp_path / 't'}:1"
