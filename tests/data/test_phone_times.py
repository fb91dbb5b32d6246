"""Phone tables whose times cannot be those of their utterances, as aligners and scripts leave them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from phone_tables import (
    PHONES,
    SIL,
    WRONG,
    Change,
    Spans,
    as_given,
    later_and_cut,
    of_recording,
    times,
    true_spans,
    write_corpus,
    write_phones,
)

from toolkit.core.errors import UserError
from toolkit.data.checks import inspect
from toolkit.data.kaldi import DataDir
from toolkit.data.tables import Problem
from toolkit.data.validate import main as validate
from toolkit.units.phones import phones_of


def told(folder: Path) -> list[Problem]:
    """What validate says of the phones; readers say the same, or refuse what is an error."""
    problems = [p for p in inspect(folder, looks=0).problems if p.file == "phones.ctm"]
    errors = [p.message for p in problems if p.level == "error" and p.reason != "extra"]
    if errors:
        with pytest.raises(UserError) as refused:
            phones_of(DataDir.read(folder))
        assert refused.value.what in errors
    else:
        doubts = phones_of(DataDir.read(folder))[1]
        assert sorted(doubts) == sorted(f"{p.message}; {p.remedy}" for p in problems if p.level == "warning")
    return problems


@pytest.mark.parametrize("silences", [True, False])
def test_phones_within_their_utterances_are_no_problem_with_and_without_the_silences(
    tmp_path: Path, silences: bool
) -> None:
    assert told(write_corpus(tmp_path / "d", silences=silences)) == []


@pytest.mark.parametrize("table", WRONG)
def test_a_table_whose_times_are_something_else_is_an_error_that_says_what_they_may_be(
    tmp_path: Path, table: str
) -> None:
    change, cause = WRONG[table]
    (problem,) = told(write_corpus(tmp_path / "d", change))
    assert (problem.level, problem.reason) == ("error", "past end")
    assert cause in problem.message and "of 30 utterances end past their utterance" in problem.message


@pytest.mark.parametrize("table", ["half a second late", "from the recording's beginning", "frames of 10 ms"])
def test_the_same_is_told_where_an_aligner_left_out_the_silences(tmp_path: Path, table: str) -> None:
    change, cause = WRONG[table]
    (problem,) = told(write_corpus(tmp_path / "d", change, silences=False))
    assert problem.level == "error" and cause.partition(" by ")[0] in problem.message


def test_validate_ends_with_an_error_and_names_table_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = write_corpus(tmp_path / "d", WRONG["frames of 10 ms"][0])
    assert validate([str(folder)]) == 1
    output = capsys.readouterr().out
    assert "error: phones.ctm:" in output and "divide starts and durations by 100" in output


@pytest.mark.parametrize("silences", [True, False])
def test_a_late_table_that_was_cut_to_fit_is_doubted(tmp_path: Path, silences: bool) -> None:
    (problem,) = told(write_corpus(tmp_path / "d", later_and_cut(0.5), silences=silences))
    assert (problem.level, problem.reason) == ("warning", "shifted")
    assert "are the times late, and cut to fit?" in problem.message


def test_a_part_of_the_utterances_that_is_late_and_was_cut_to_fit_is_doubted_and_counted(tmp_path: Path) -> None:
    spans = {f"متكلم-{i:02}": of for i, (_, _, of) in enumerate(true_spans())}
    seconds = {id: of[-1][0] + of[-1][1] for id, of in spans.items()}
    late = {id: later_and_cut(0.5)(of, 0, seconds[id]) if i % 2 else of for i, (id, of) in enumerate(spans.items())}
    folder = write_corpus(tmp_path / "d")
    write_phones(folder, late)
    (problem,) = told(folder)
    assert (problem.level, problem.reason) == ("warning", "shifted")
    assert problem.message.startswith("15 of 30 utterances alike have no phone before 0.50 s")
    assert "are their times late, and cut to fit?" in problem.message


def mirrored(spans: Spans, start: float, seconds: float) -> Spans:
    """Half a second early, and cut to fit."""
    moved = [(s - 0.5, s + d - 0.5, p) for s, d, p in spans]
    return [(max(s, 0.0), e - max(s, 0.0), p) for s, e, p in moved if e > 0]


def test_an_early_table_that_was_cut_to_fit_is_doubted(tmp_path: Path) -> None:
    (problem,) = told(write_corpus(tmp_path / "d", mirrored))
    assert problem.reason == "shifted" and "are the times early, and cut to fit?" in problem.message


def test_a_few_phones_past_the_end_are_a_warning_that_counts_them_and_shows_the_first(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "d")
    with open(folder / "phones.ctm", "a", encoding="utf-8") as f:
        f.write("متكلم-03 1 40 0.1 ب\nمتكلم-07 1 50 0.1 ت\nمتكلم-07 1 51 0.1 ت\n")
    (problem,) = told(folder)
    assert (problem.level, problem.reason) == ("warning", "past end")
    assert problem.message.startswith("3 phones of 2 of 30 utterances end past their utterance")
    assert problem.message.endswith("to 40.10 s") and "متكلم-03" in problem.message


def words_too(spans: Spans, start: float, seconds: float) -> Spans:
    return [(0.0, seconds, "كلمة"), *spans]


def twice(spans: Spans, start: float, seconds: float) -> Spans:
    return [*spans, *spans]


@pytest.mark.parametrize("change", [words_too, twice])
def test_two_tiers_in_one_table_are_an_error(tmp_path: Path, change: Change) -> None:
    problems = told(write_corpus(tmp_path / "d", change))
    (problem,) = [p for p in problems if p.reason == "overlap"]
    assert problem.level == "error" and "of 30 utterances begin before the one above ends" in problem.message


def test_a_table_that_stands_in_the_file_twice_overlaps_too(tmp_path: Path) -> None:
    path = write_corpus(tmp_path / "d") / "phones.ctm"
    path.write_text(2 * path.read_text(encoding="utf-8"), encoding="utf-8")
    (problem,) = told(path.parent)
    assert (problem.reason, problem.level) == ("overlap", "error")
    assert "the table is doubled" in problem.message and "!seen[$0]++" in problem.remedy


@pytest.mark.parametrize("change", [twice, lambda spans, start, seconds: [span for span in spans for _ in range(2)]])
def test_a_table_of_which_every_line_stands_twice_is_called_doubled_and_two_tiers_are_not(
    tmp_path: Path, change: Change
) -> None:
    (problem,) = [p for p in told(write_corpus(tmp_path / "d", change)) if p.reason == "overlap"]
    assert "the table is doubled" in problem.message and "tier" not in problem.remedy
    (problem,) = [p for p in told(write_corpus(tmp_path / "e", words_too)) if p.reason == "overlap"]
    assert "doubled" not in problem.message and "leave one tier" in problem.remedy


def with_ends(spans: Spans, start: float, seconds: float) -> Spans:
    """The end of each phone in the place of its duration."""
    return [(s, s + d, p) for s, d, p in spans]


def in_the_first_half(spans: Spans, start: float, seconds: float) -> Spans:
    return with_ends([span for span in spans if span[0] + span[1] <= seconds / 2], start, seconds)


@pytest.mark.parametrize(("change", "reason"), [(with_ends, "past end"), (in_the_first_half, "overlap")])
def test_ends_in_the_place_of_durations_are_named(tmp_path: Path, change: Change, reason: str) -> None:
    problem, *_ = told(write_corpus(tmp_path / "d", change))
    assert (problem.level, problem.reason) == ("error", reason)
    assert "the fourth column fits as the end of each phone, not its duration" in problem.message
    assert problem.remedy == "write durations: awk '{$4 -= $3; print}'"


def test_lines_in_another_order_than_that_of_time_are_one_warning(tmp_path: Path) -> None:
    """As `sort` leaves them: 10.5 before 9.5."""
    path = write_corpus(tmp_path / "d") / "phones.ctm"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(reversed(lines)), encoding="utf-8")
    assert [(p.reason, p.level) for p in told(path.parent)] == [("order", "warning")]


@pytest.mark.parametrize(("unit", "percent", "level"), [(0.02, 2, "error"), (0.25, 25, "warning")])
def test_thin_coverage_is_told_and_next_to_none_is_an_error(
    tmp_path: Path, unit: float, percent: float, level: str
) -> None:
    def change(spans: Spans, start: float, seconds: float) -> Spans:
        return [(s * unit, d * unit, p) for s, d, p in spans]

    (problem,) = told(write_corpus(tmp_path / "d", change))
    assert (problem.reason, problem.level) == ("coverage", level), problem
    assert float(problem.message.split()[2]) == pytest.approx(percent, abs=0.2)  # times are of milliseconds


def test_utterances_without_phones_are_counted_and_phones_of_other_utterances_are_an_error(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "d")
    spans = {f"متكلم-{i:02}": rows for i, (_, _, rows) in enumerate(true_spans())}
    write_phones(folder, {id: rows for id, rows in spans.items() if id <= "متكلم-26"})
    assert told(folder) == []  # an aligner fails on a few
    write_phones(folder, {id: rows for id, rows in spans.items() if id <= "متكلم-11"})
    (problem,) = told(folder)
    assert problem.level == "warning"
    assert problem.message == "18 of 30 utterances have no phone: متكلم-12, متكلم-13, متكلم-14, ..."
    write_phones(folder, {f"راوية-{i}": [(0.0, 1.0, SIL), (1.0, 1.0, PHONES[0])] for i in range(5)})
    (problem,) = [p for p in told(folder) if p.reason != "extra"]
    assert problem.level == "error" and "none of the 30 utterances; its first is راوية-0" in problem.message


def test_a_fault_of_all_of_three_utterances_is_a_warning(tmp_path: Path) -> None:
    """Of so few nobody can tell whether the table is wrong, or some lines."""
    problems = told(write_corpus(tmp_path / "d", times(100), utterances=3))
    assert {p.level for p in problems} == {"warning"} and "past end" in {p.reason for p in problems}


def test_lengths_that_nothing_tells_are_no_problem(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "d", as_given)
    (folder / "segments").unlink()
    recordings = {f"متكلم-{i:02}": str(tmp_path / "متكلم-r0.wav") for i in range(30)}
    lines = "".join(f"{id} {path}\n" for id, path in recordings.items())
    (folder / "wav.scp").write_text(lines, encoding="utf-8")
    (folder / "reco2dur").unlink()
    assert [p for p in inspect(folder, looks=0).problems if p.file == "phones.ctm"] == []


@pytest.mark.parametrize("factor", [0.98, 0.91875, 1 / 1.1, 0.6])
def test_times_of_audio_at_another_speed_are_doubted_and_the_factor_told(tmp_path: Path, factor: float) -> None:
    """The last phone ends at the same share of all utterances: of 2 to 12 s here."""

    def change(spans: Spans, start: float, seconds: float) -> Spans:
        return [(s * factor, d * factor, p) for s, d, p in spans]

    (problem,) = told(write_corpus(tmp_path / "d", change, longest=12))
    assert (problem.level, problem.reason) == ("warning", "scaled")
    assert float(problem.message.split()[5]) == pytest.approx(factor, abs=0.002)


def test_times_of_slower_audio_are_an_error_that_tells_the_factor(tmp_path: Path) -> None:
    def change(spans: Spans, start: float, seconds: float) -> Spans:
        return [(s / 0.9, d / 0.9, p) for s, d, p in spans]

    (problem,) = told(write_corpus(tmp_path / "d", change))
    assert problem.level == "error" and "they fit as 1.111 times the true ones" in problem.message


@pytest.mark.parametrize("silences", [True, False])
def test_lengths_that_differ_much_are_no_sign_of_another_speed(tmp_path: Path, silences: bool) -> None:
    assert told(write_corpus(tmp_path / "d", silences=silences, longest=12)) == []


@pytest.mark.parametrize(("rate", "unit"), [(100 / 3, "30 ms"), (80, "12.5 ms"), (50, "20 ms")])
def test_the_unit_that_fills_the_utterances_is_named_and_not_the_first_that_fits(
    tmp_path: Path, rate: float, unit: str
) -> None:
    (problem,) = told(write_corpus(tmp_path / "d", times(rate)))
    assert f"they fit as frames of {unit}, not seconds" in problem.message


def test_frames_from_the_beginning_of_the_recording_are_named(tmp_path: Path) -> None:
    def change(spans: Spans, start: float, seconds: float) -> Spans:
        return times(100)(of_recording(spans, start, seconds), start, seconds)

    (problem,) = told(write_corpus(tmp_path / "d", change))
    assert "they fit as frames of 10 ms from the beginning of the recording" in problem.message
    assert problem.remedy == "divide starts and durations by 100, then take the segment's beginning off each start"


def test_a_shuffled_table_is_only_out_of_order_and_read_as_the_one_in_order(tmp_path: Path) -> None:
    path = write_corpus(tmp_path / "d") / "phones.ctm"
    spans, _ = phones_of(DataDir.read(path.parent))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    path.write_text("".join(lines), encoding="utf-8")
    assert [(p.reason, p.level) for p in told(path.parent)] == [("order", "warning")]
    assert phones_of(DataDir.read(path.parent))[0] == spans
    path.write_text("".join([*lines, *lines]), encoding="utf-8")
    (problem,) = told(path.parent)
    assert (problem.reason, problem.level) == ("overlap", "error")
    assert "the table is doubled" in problem.message and "!seen[$0]++" in problem.remedy


def words_alone(spans: Spans, start: float, seconds: float) -> Spans:
    return [(s, d, f"كلمة{start:.0f}-{s:.2f}-{d:.2f}") for s, d, _ in spans]


def not_aligned(spans: Spans, start: float, seconds: float) -> Spans:
    return spans if start % 8 == 2 else [(0.0, seconds, "spn")]


def without_duration(spans: Spans, start: float, seconds: float) -> Spans:
    return [(s, d if i % 7 else 0.0, p) for i, (s, d, p) in enumerate(spans)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (words_alone, "are they words? Take the tier of phones"),
        (not_aligned, "of 30 utterances have one phone alone, "),
        (without_duration, "phones have no duration, so no frame is theirs"),
    ],
)
def test_labels_that_look_like_no_phones_are_doubted(tmp_path: Path, change: Change, words: str) -> None:
    (problem,) = told(write_corpus(tmp_path / "d", change))
    assert problem.level == "warning" and words in f"{problem.message}; {problem.remedy}"
