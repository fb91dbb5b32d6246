"""Subtitles as programs and people write them: half a cue is none, and no number of a cue is said."""

from pathlib import Path

from toolkit.data.corpora.vtt import Cue, read_cues

TIMES = ["00:00:00,000 --> 00:00:02,000", "00:00:02,000 --> 00:00:04,000", "00:00:04,000 --> 00:00:06,000"]
TEXTS = ["الجملة الأولى", "12", "الجملة الثالثة"]


def read(path: Path, content: str | bytes) -> tuple[list[Cue], list[str]]:
    """The cues of a file, and `line: reason` of what is told."""
    told: list[str] = []
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    cues = list(read_cues(path, lambda e: told.append(f"{e.where.rpartition(' ')[2]}: {e.reason}")))
    return cues, told


def texts_of(path: Path, content: str | bytes) -> list[str]:
    cues, told = read(path, content)
    assert not told, told
    return [cue.text for cue in cues]


def test_the_number_of_a_cue_is_its_name_with_empty_lines_or_without(tmp_path: Path) -> None:
    cues = [f"{i}\n{times}\n{text}\n" for i, (times, text) in enumerate(zip(TIMES, TEXTS), 1)]
    for between in ("", "\n", "\n\n\n"):
        assert texts_of(tmp_path / "a.vtt", between.join(cues)) == TEXTS
    assert texts_of(tmp_path / "a.vtt", "\n".join(cues).replace("\n0", "\n\n0")) == TEXTS  # also apart from its times


def test_numbers_that_are_said_in_a_file_without_numbers_of_cues_stay(tmp_path: Path) -> None:
    lines = [f"{times}\n{number}\n" for number, times in enumerate(TIMES, 1)]
    assert texts_of(tmp_path / "a.vtt", "".join(lines)) == ["1", "2", "3"]
    assert texts_of(tmp_path / "a.vtt", "WEBVTT\n\n" + "\n".join(lines)) == ["1", "2", "3"]


def test_an_empty_line_within_a_cue_costs_the_cue(tmp_path: Path) -> None:
    content = (
        f"{TIMES[0]}\nمرحبا بكم\n\nجميعا\n\nيا أصدقاء\n\n{TIMES[1]}\nنعم\n\nNOTE لا شيء\n\nمن التعليق\n\n{TIMES[2]}\nلا"
    )
    cues, told = read(tmp_path / "a.vtt", content)
    assert [cue.text for cue in cues] == ["نعم", "لا"]
    assert told == ["4: cue", "6: cue", "1: part of a cue", "13: cue"]  # the last may be the rest of the note


def test_a_line_that_cannot_be_read_costs_its_cue(tmp_path: Path) -> None:
    bad = "يا أصدقائي".encode("cp1256")
    lines = [TIMES[0].encode(), "مرحبا بكم".encode(), bad, b"", TIMES[1].encode(), "نعم".encode(), b"", bad]
    lines += [b"", TIMES[2].encode(), "لا".encode(), b"", b"NOTE " + bad]
    cues, told = read(tmp_path / "a.vtt", b"\n".join(lines))
    assert [cue.text for cue in cues] == ["لا"]
    assert sorted(told) == sorted(
        ["3: encoding", "8: encoding", "13: encoding", "1: part of a cue", "5: part of a cue"]
    )


def test_the_word_that_is_said_moves_through_a_text_and_the_text_is_one_cue(tmp_path: Path) -> None:
    def marked(words: list[str], at: int, start: int) -> str:
        text = " ".join(f"<u>{word}</u>" if i == at else word for i, word in enumerate(words))
        return f"00:{start:02d}.000 --> 00:{start + 1:02d}.000\n{text}\n"

    words = ["مرحبا", "بكم", "جميعا"]
    shown = [marked(words, i, i) for i in range(3)] + [marked(words, 9, 3)]  # then a pause, and all once more
    shown += [marked(words, i, 4 + i) for i in range(3)]
    cues, told = read(tmp_path / "a.vtt", "WEBVTT\n\n" + "\n".join(shown))
    assert not told and [(c.start, c.end, c.text) for c in cues] == [
        (0, 4, "مرحبا بكم جميعا"),
        (4, 7, "مرحبا بكم جميعا"),
    ]
    same = "\n".join(marked(words, 9, i) for i in range(3))
    assert texts_of(tmp_path / "a.vtt", same) == ["مرحبا بكم جميعا"] * 3


def test_carriage_returns_alone_end_lines_and_a_numbered_note_names_a_cue(tmp_path: Path) -> None:
    content = f"WEBVTT\n\nNOTE 1\n{TIMES[0]}\nنعم\n\n{TIMES[1]}\nNOTE\nلا\n"
    assert texts_of(tmp_path / "a.vtt", content) == ["نعم", "NOTE\nلا"]
    assert texts_of(tmp_path / "a.vtt", content.replace("\n", "\r")) == ["نعم", "NOTE\nلا"]
    cues, told = read(tmp_path / "a.vtt", content.replace("NOTE 1", "NOTE"))
    assert [cue.text for cue in cues] == ["NOTE\nلا"] and told == ["3: cue"]
