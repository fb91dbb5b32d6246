"""Archives of features and recordings."""

import pickle

import kaldiio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from toolkit.core.errors import UserError
from toolkit.data.ark import Features, read_array, read_wave, write_features, write_waves


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    matrices=st.dictionaries(
        st.sampled_from(["a", "سجل-١", "b_2"]), arrays("f4", array_shapes(min_dims=1, max_dims=2, max_side=5))
    )
)
def test_what_is_written_is_read_here_and_by_kaldiio(tmp_path, matrices):
    ark = tmp_path / "ملف 1" / "feats.ark"
    assert write_features(ark, matrices.items()) == len(matrices)
    read = Features(ark.with_suffix(".scp"))
    assert list(read) == list(matrices)
    peer = dict(kaldiio.load_ark(str(ark)))
    for id, matrix in matrices.items():
        np.testing.assert_array_equal(read[id], matrix)
        np.testing.assert_array_equal(peer[id], matrix)


def test_what_kaldiio_writes_is_read(tmp_path):
    with kaldiio.WriteHelper(f"ark,scp:{tmp_path}/k.ark,{tmp_path}/k.scp") as w:
        w("u", np.arange(6, dtype="f4").reshape(2, 3))
        w("v", np.ones((4, 3), "f8"))
    read = Features(tmp_path / "k.scp")
    np.testing.assert_array_equal(read["u"], np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(read["v"], np.ones((4, 3)))


def test_features_keep_their_precision_of_float32(tmp_path):
    write_features(tmp_path / "f.ark", [("a", np.full((2, 2), 1 / 3))])
    matrix = Features(tmp_path / "f.scp")["a"]
    assert matrix.dtype == np.float32 and matrix[0, 0] == np.float32(1 / 3)


def test_an_ark_moved_with_its_scp_is_found(tmp_path):
    write_features(tmp_path / "old/f.ark", [("a", np.ones((1, 2)))])
    (tmp_path / "old").rename(tmp_path / "new")
    np.testing.assert_array_equal(Features(tmp_path / "new/f.scp")["a"], [[1, 1]])
    write_features(tmp_path / "new/g.ark", [("a", np.ones((1, 2)))], final=tmp_path / "elsewhere/g.ark")
    assert "elsewhere/g.ark:" in (tmp_path / "new/g.scp").read_text()


def test_recordings_come_back_sample_by_sample(tmp_path):
    wave = np.random.default_rng(0).integers(-32768, 32767, (500, 2), "int16")
    write_waves(tmp_path / "w.ark", [("a", 8000, wave), ("b", 16000, wave[:, 0])])
    places = Features(tmp_path / "w.scp").places
    for id, expected, rate in (("a", wave, 8000), ("b", wave[:, :1], 16000)):
        read_rate, wave_NC = read_wave(places[id])
        assert read_rate == rate
        np.testing.assert_array_equal(wave_NC * 32768, expected)


def test_a_broken_entry_is_a_clear_error(tmp_path):
    write_features(tmp_path / "f.ark", [("a", np.ones((100, 10)))])
    ark = tmp_path / "f.ark"
    ark.write_bytes(ark.read_bytes()[:1000])
    for place in (f"{ark}:2", f"{ark}:99999", f"{ark}:3", f"{tmp_path}/no.ark:0"):
        with pytest.raises(UserError) as e:
            read_array(place)
        assert e.value.where and e.value.remedy
    with pytest.raises(UserError, match="no such scp"):
        Features(tmp_path / "no.scp")


@pytest.mark.parametrize(
    "header", [b"\x04\xff\xff\xff\x7f\x04\xff\xff\xff\x7f", b"\x04\xff\xff\xff\xff\x04\x01\x00\x00\x00"]
)
def test_a_size_that_fits_no_memory_is_a_broken_entry(header, tmp_path):
    write_features(tmp_path / "f.ark", [("a", np.ones((100, 10)))])
    ark = tmp_path / "f.ark"
    ark.write_bytes(ark.read_bytes()[:7] + header + ark.read_bytes()[17:])
    with pytest.raises(UserError, match="no whole entry"):
        read_array(f"{ark}:2")


def test_features_and_recordings_are_not_taken_for_each_other(tmp_path):
    write_features(tmp_path / "f.ark", [("a", np.ones((3, 2)))])
    write_waves(tmp_path / "w.ark", [("a", 8000, np.ones(9, "int16"))])
    with pytest.raises(UserError, match="features where a recording"):
        read_wave(f"{tmp_path}/f.ark:2")
    with pytest.raises(UserError, match="a recording where features"):
        read_array(f"{tmp_path}/w.ark:2")


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('ran')",))


def test_an_ark_runs_no_code(tmp_path):
    path = tmp_path / "evil.ark"
    path.write_bytes(b"a PKL" + pickle.dumps(Bomb()))
    with pytest.raises(UserError, match="pickle"):
        read_array(f"{path}:2")
    with pytest.raises(UserError, match="no such ark"):
        read_array(f"touch {tmp_path}/ran |")
    assert not (tmp_path / "ran").exists()


def test_an_id_twice_or_unusable_leaves_nothing_behind(tmp_path):
    for ids in (["a", "a"], ["a b"], ["x/y"]):
        with pytest.raises(UserError, match="id"):
            write_features(tmp_path / "f.ark", [(id, np.ones((1, 1))) for id in ids])
    assert not (tmp_path / "f.ark").exists() and not (tmp_path / "f.scp").exists()
