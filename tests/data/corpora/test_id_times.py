"""Ids say recording and times; columns beside them that say something else cost their rows."""

import pytest
from trees import speech, write_lines
from trees.mgb2 import guid, spans

from toolkit.data.corpora.id_times import Span, contradiction, other_recording
from toolkit.data.corpora.mgb_tables import read_segments
from toolkit.data.corpora.sources import SourceError

from .conftest import prepare

GUID = guid(1)


@pytest.mark.parametrize(
    ("id", "recording", "start", "end", "differs"),
    [
        ("comedy_75_first_12min_0.000_8.190", "comedy_75_first_12min", 0.0, 8.19, ""),
        ("comedy_75_first_12min_0.000_8.190", "comedy_75_first_12min", 8.19, 9.0, "0 to 8.19 s"),
        ("comedy_75_first_12min_0.000_8.190", "comedy_75.wav", 0.0, 8.19, ""),  # another way to write it
        ("2XwBQJ7eHKs_055962-056391", "2XwBQJ7eHKs", 559.62, 563.93, ""),  # 20 ms later, as in the public lists
        ("2XwBQJ7eHKs_055962-056391", "2XwBQJ7eHKs", 559.62, 563.99, "559.62 to 563.91 s"),
        ("2XwBQJ7eHKs_055962-056391", "8IC2rJgSNDY", 559.62, 563.91, "8IC2rJgSNDY"),
        (f"{GUID}_spk-0001_seg-0000000:0000225", GUID.replace("-", "_"), 0.0, 2.26, ""),  # ids are cut, not rounded
        (f"{GUID}_spk-0001_seg-0000000:0000225", GUID.replace("-", "_"), 3.4, 5.65, "0 to 2.25 s"),
        ("utterance_7", "anything", 1.0, 2.0, ""),
    ],
)
def test_what_an_id_says_is_held_against_its_row(id, recording, start, end, differs) -> None:
    why = contradiction(id, Span(recording, start, end), {"2xwbqj7ehks", "8ic2rjgsndy"})
    assert differs in why and bool(why) == bool(differs)


def test_only_another_guid_is_another_recording() -> None:
    name = GUID.replace("-", "_")
    assert other_recording(f"{guid(2)}.wav", GUID) == guid(2)
    assert other_recording(f"{guid(2).replace('-', '_')}_utt_0", GUID) == guid(2)
    for same in (f"{GUID}.wav", f"{name}_utt_3", f"{GUID.lower()}.WAV", "programme of Monday", ""):
        assert other_recording(same, GUID) == ""
    assert other_recording(f"{guid(2)}.wav", "comedy_75") == ""


def test_two_rows_that_changed_places_in_one_column_are_used_nowhere_in_test_either(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb5")
    path = corpus / "test/test.segments.bw"
    ids, places = zip(*(line.split(" ", 1) for line in path.read_text().splitlines()))
    write_lines(path, *map(" ".join, zip(ids, (places[1], places[0], *places[2:]))))
    done = prepare("mgb5", corpus, tmp_path / "data")
    assert done.code == 0, done.output
    rows = done.set("mgb5_test").tables["segments"]
    assert rows == {f"sports_2_{a:.3f}_{b:.3f}": f"sports_2 {a:.4f} {b:.4f}" for a, b in spans(speech()[40:])[2:]}
    assert [id.rpartition(", ")[2] for id, reason in done.dropped if reason == "malformed row"] == ["line 1", "line 2"]


def test_a_table_of_which_one_column_was_shifted_is_refused(tmp_path) -> None:
    ids = [f"vlog_1_{i}.000_{i}.900" for i in range(12)]
    write_lines(tmp_path / "segments", *(f"{id} vlog_1 {i + 1} {i + 1.9}" for i, id in enumerate(ids)))
    with pytest.raises(SourceError, match="12 of 12 lines are no rows") as e:
        read_segments(tmp_path / "segments", lambda e: None)
    assert "shifted" in e.value.remedy


def test_two_programmes_whose_files_changed_names_give_no_utterance(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb2")
    xml = corpus / "train/xml/utf8"
    (xml / f"{guid(0)}.xml").rename(xml / "0")
    (xml / f"{guid(1)}.xml").rename(xml / f"{guid(0)}.xml")
    (xml / "0").rename(xml / f"{guid(1)}.xml")
    done = prepare("mgb2", corpus, tmp_path / "data")
    assert done.code == 0, done.output
    assert set(done.set("mgb2_train").tables["wav.scp"]) == {guid(2)}
    assert [reason for _, reason in done.dropped].count("another recording") == 2


def test_a_segment_of_another_programme_costs_that_segment(make_tree, tmp_path) -> None:
    corpus = make_tree("mgb2")
    path = corpus / f"train/xml/utf8/{guid(0)}.xml"
    name, of = (guid(n).replace("-", "_") for n in (0, 1))
    path.write_text(
        path.read_text(encoding="utf-8").replace(f'id="{name}_utt_1"', f'id="{of}_utt_1"'), encoding="utf-8"
    )
    done = prepare("mgb2", corpus, tmp_path / "data")
    assert (f"{of}_utt_1", "another recording") in done.dropped
    assert len(done.set("mgb2_train")) == 44  # of 45
