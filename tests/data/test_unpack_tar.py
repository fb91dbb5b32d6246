"""Unpacking a folder of a .tgz: nothing leaves it, and no damage goes unseen."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.data import unpack as unpacking
from toolkit.data.unpack import main, unpack

TEXT = "كلمةٌ طويلة".encode() * 30


def write_tgz(path: Path, members: dict[str, bytes], *odd: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in odd:
            tar.addfile(info)
    return path


def test_one_folder_of_a_tgz_is_unpacked_and_the_rest_is_not(tmp_path, capsys) -> None:
    tgz = write_tgz(tmp_path / "p.tgz", {"package/a/x.json": TEXT, "package/a/deep/y": b"1", "package/run.js": b"evil"})
    main([str(tgz), "--only", "package/a", "--out", str(tmp_path / "out")])
    files = {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert files == {"package/a/x.json": TEXT, "package/a/deep/y": b"1"}
    assert "unpacked 2 files" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["../evil", "package/a/../../../evil", "/tmp/evil-of-a-tgz", "package/a//evil"])
def test_a_tgz_that_would_leave_its_folder_is_refused_whole(tmp_path, name: str) -> None:
    write_tgz(tmp_path / "p.tgz", {"package/a/good": b"1", name: b"evil"})
    with pytest.raises(UserError, match="leaves its folder"):
        unpack(tmp_path / "p.tgz", "package/a", tmp_path / "deep/out")
    assert not list(tmp_path.rglob("*evil*")) and not (tmp_path / "deep").exists()
    assert not Path("/tmp/evil-of-a-tgz").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tgz_are_refused(tmp_path, kind: bytes) -> None:
    odd = tarfile.TarInfo("package/a/odd")
    odd.type, odd.linkname = kind, "/etc/passwd"
    write_tgz(tmp_path / "p.tgz", {"package/a/good": b"1"}, odd)
    with pytest.raises(UserError, match="a link"):
        unpack(tmp_path / "p.tgz", "package/a", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tgz_that_grows_without_end_is_refused_before_it_is_written(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST", 1 << 20)
    write_tgz(tmp_path / "p.tgz", {"package/a/x": b"1", "other/bomb": bytes(2 << 20)})
    with pytest.raises(UserError, match="more than 1 MB"):
        unpack(tmp_path / "p.tgz", "package/a", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_and_a_missing_archive_are_named(tmp_path) -> None:
    write_tgz(tmp_path / "p.tgz", {"package/a/x": b"1"})
    with pytest.raises(UserError, match="no folder b"):
        unpack(tmp_path / "p.tgz", "b", tmp_path / "out")
    with pytest.raises(UserError, match="no such archive"):
        unpack(tmp_path / "q.tgz", "b", tmp_path / "out")


def test_whatever_byte_of_a_tgz_is_damaged_or_missing_it_is_unpacked_right_or_refused(tmp_path) -> None:
    whole = write_tgz(tmp_path / "p.tgz", {"a/x": TEXT, "a/y": b"2"}).read_bytes()
    broken = [whole[:at] + bytes([value]) + whole[at + 1 :] for at in range(len(whole)) for value in (0, whole[at] ^ 4)]
    broken += [whole[:at] for at in range(len(whole))]
    refused = 0
    for n, data in enumerate(broken):
        (tmp_path / "p.tgz").write_bytes(data)
        try:
            unpack(tmp_path / "p.tgz", "a", tmp_path / f"out{n}")
        except UserError:
            refused += 1
            assert not (tmp_path / f"out{n}").exists()
            continue
        assert (tmp_path / f"out{n}/a/x").read_bytes() == TEXT
    assert refused > len(broken) // 2


def test_a_gzip_that_holds_no_tar_is_damaged(tmp_path) -> None:
    (tmp_path / "p.tgz").write_bytes(gzip.compress(TEXT))
    with pytest.raises(UserError, match="damaged archive"):
        unpack(tmp_path / "p.tgz", "a", tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_an_archive_with_a_file_twice_is_refused_whole(tmp_path, kind: str) -> None:
    path = tmp_path / f"p.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as z, pytest.warns(UserWarning, match="Duplicate"):
            for text in ("1", "2"):
                z.writestr("package/a/x", text)
    else:
        again = tarfile.TarInfo("package/a/x")
        write_tgz(path, {"package/a/x": b"1"}, again)
    with pytest.raises(UserError, match="twice in the archive") as e:
        unpack(path, "package/a", tmp_path / "out")
    assert e.value.where == f"{path}: 'package/a/x'" and not (tmp_path / "out/package/a").exists()
