"""Labels on disk: what is written is what is read, and what cannot be right is refused."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.core.output import begin, finish
from toolkit.core.record import Ledger
from toolkit.data.labels import LabelHeader, Labels, refuse_degenerate, write_labels

HEADER = LabelHeader(100.0, 50, "abc123", "mfcc")
IDS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t ", exclude_categories=("Z", "C")), min_size=1)


def write(folder: Path, header: LabelHeader = HEADER, n: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(n)
    rows = {f"utt{i}": rng.integers(0, header.k, 20 + i).astype(np.uint16) for i in range(n)}
    write_labels(folder, header, list(rows), list(rows.values()))
    return rows


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(IDS, st.lists(st.integers(0, 49), max_size=8), max_size=12), st.data())
def test_what_is_written_is_read_whatever_the_ids(
    tmp_path: Path, rows: dict[str, list[int]], data: st.DataObject
) -> None:
    """One by one and many at once, in any order, some of them twice and some absent."""
    write_labels(tmp_path, HEADER, list(rows), [np.array(r, np.uint16) for r in rows.values()], check=False)
    labels = Labels.open(tmp_path)
    assert list(labels) == sorted(rows, key=str.encode) and len(labels) == len(rows)
    assert {id: labels[id].tolist() for id in labels} == rows
    assert labels.frames == sum(map(len, rows.values()))
    wanted = data.draw(st.lists(st.sampled_from([*rows, "", "zz zz", *(id + "x" for id in rows)]), max_size=20))
    rows_N = labels.rows(wanted)
    assert labels.lengths(rows_N).tolist() == [len(rows.get(id, [])) for id in wanted]
    assert [None if r < 0 else labels.at(r).tolist() for r in rows_N] == [rows.get(id) for id in wanted]
    for absent in ("", "zz zz", *[id + "x" for id in rows if id + "x" not in rows]):
        assert absent not in labels


def test_the_header_says_rate_k_codebook_and_layer(tmp_path: Path) -> None:
    rows = write(tmp_path)
    labels = Labels.open(tmp_path, rate=100.0)
    assert (labels.rate, labels.k, labels.codebook, labels.layer) == (100.0, 50, "abc123", "mfcc")
    assert labels["utt0"].dtype == np.uint16 and not labels["utt0"].flags.writeable
    np.testing.assert_array_equal(labels.histogram, np.bincount(np.concatenate(list(rows.values())), minlength=50))


def test_the_bytes_do_not_depend_on_the_order_of_writing(tmp_path: Path) -> None:
    rows = write(tmp_path / "a")
    write_labels(tmp_path / "b", HEADER, [*rows][::-1], [*rows.values()][::-1])
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_many_ids_are_found_in_one_pass_without_a_lookup_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arabic sorts after Latin and before 𝒳 (beyond 16 bits), by code points as by UTF-8 bytes."""
    ids = ["ahmed-1", "zaid", "أحمد-١", "ليلى", "ﷲ", "𝒳"]
    write_labels(tmp_path, HEADER, ids[::-1], [np.arange(i) for i in range(6)])
    monkeypatch.setattr(Labels, "_find", None)
    labels = Labels.open(tmp_path)
    assert labels.rows(ids).tolist() == [0, 1, 2, 3, 4, 5]
    assert labels.rows(["ليلى", "نور", "zaid", "ليلى"]).tolist() == [3, -1, 1, 3]
    assert labels.lengths(labels.rows(ids)).tolist() == [5, 4, 3, 2, 1, 0]
    assert labels.rows([]).shape == (0,)
    write_labels(tmp_path / "none", HEADER, [], [], check=False)
    assert Labels.open(tmp_path / "none").rows(["", "ليلى"]).tolist() == [-1, -1]
    with pytest.raises(UserError, match="1 of 2 utterances have no labels: نور"):
        labels.require(["ليلى", "نور"])


def test_a_wrong_rate_is_refused_naming_both_rates(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(UserError, match=r"100 per second where 50"):
        Labels.open(tmp_path, rate=50.0)
    labels = Labels.open(tmp_path)
    assert labels.stride(50.0) == 2 and labels.stride(100.0) == 1
    for rate in (200.0, 60.0):
        with pytest.raises(UserError, match=f"100 per second where {rate:g}"):
            labels.stride(rate)


@pytest.mark.parametrize(("rate", "fits"), [(100.0, True), (50.0, False), (200.0, False)])
def test_a_rate_that_the_length_of_the_audio_contradicts_is_refused(tmp_path: Path, rate: float, fits: bool) -> None:
    """MFCC labels of n samples are (n - 400) // 160 + 1 at 100 per second, whatever a header says."""
    seconds = [0.3, 1.0, 7.25]
    arrays = [np.arange((round(16000 * s) - 400) // 160 + 1, dtype=np.uint16) % 50 for s in seconds]
    write_labels(tmp_path, LabelHeader(rate, 50, "abc123", "mfcc"), ["a", "b", "س"], arrays)
    labels = Labels.open(tmp_path)
    with nullcontext() if fits else pytest.raises(UserError, match=r"of audio of 8\.[56] s"):
        labels.refuse_wrong_rate(labels.rows(["a", "b", "س"]), np.array(seconds))


def test_missing_ids_are_counted_and_the_first_of_them_named(tmp_path: Path) -> None:
    write(tmp_path)
    labels = Labels.open(tmp_path)
    labels.require(["utt0", "utt4"])
    with pytest.raises(UserError, match=r"7 of 8 utterances have no labels: x0, x1, x2, x3, x4, \.\.\.") as e:
        labels.require(["utt0", *(f"x{i}" for i in range(7))])
    assert str(tmp_path) in str(e.value)
    with pytest.raises(UserError, match="x1"):
        labels["x1"]


@pytest.mark.parametrize("share", [1.0, 0.96])
def test_a_degenerate_histogram_is_refused(tmp_path: Path, share: float) -> None:
    units = np.full(1000, 7, np.uint16)
    units[int(share * 1000) :] = 8
    with pytest.raises(UserError, match="unit 7"):
        write_labels(tmp_path, HEADER, ["a"], [units])
    with pytest.raises(UserError, match="not a single label"):
        refuse_degenerate(np.zeros(5, np.int64), "here")
    refuse_degenerate(np.array([94, 6]), "here")


def test_a_label_of_k_or_more_and_an_id_given_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="label 50 where k is 50"):
        write_labels(tmp_path, HEADER, ["a"], [np.array([1, 50], np.uint16)])
    with pytest.raises(UserError, match="a is given twice"):
        write_labels(tmp_path, HEADER, ["a", "a"], [np.arange(3), np.arange(3)])


def test_no_labels_and_damaged_labels_are_told_apart_from_good_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no labels here"):
        Labels.open(tmp_path)
    write(tmp_path)
    (tmp_path / "ids.txt").write_bytes(b"utt0\n")
    with pytest.raises(UserError, match="do not belong together"):
        Labels.open(tmp_path)
    write(tmp_path)
    write_json(tmp_path / "header.json", {"rate": 100.0})
    with pytest.raises(UserError, match="damaged labels"):
        Labels.open(tmp_path)
    write(tmp_path)
    (tmp_path / "labels.npy").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="damaged labels"):
        Labels.open(tmp_path)


def test_the_largest_codebook_fits(tmp_path: Path) -> None:
    header = LabelHeader(50.0, 65536, "h", "mfcc")
    write_labels(tmp_path, header, ["a"], [np.array([0, 65535])])
    assert Labels.open(tmp_path)["a"].tolist() == [0, 65535]


@pytest.mark.parametrize("name", ["index.npy", "ids.txt", "header.json"])
def test_labels_whose_index_is_not_as_it_was_written_are_refused(tmp_path: Path, monkeypatch, name: str) -> None:
    """Two utterances of one length swap their labels where their ids are swapped."""
    monkeypatch.chdir(tmp_path)
    words = ["units.label", "--in", "data", "--out", "labels"]
    begun = begin(words, Path("labels"))
    write_labels(Path("labels"), HEADER, ["utt1", "utt2"], [np.arange(9), np.arange(9) + 1])
    finish(begun, Path("labels"), {}, {}, Ledger("units.label"), 1.0)
    Labels.open("labels")
    data = bytearray((tmp_path / "labels" / name).read_bytes())
    data[-3 if name != "ids.txt" else -2] ^= 3
    (tmp_path / "labels" / name).write_bytes(bytes(data))
    with pytest.raises(UserError, match="not those that its step wrote"):
        Labels.open("labels")
