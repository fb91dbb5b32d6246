"""The dialect clips: the tree of the package, its fetcher offline, and its unpacking."""

import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from trees import speech
from trees.dialect_clips import make

from toolkit.core.errors import UserError
from toolkit.data.corpora.dialect_clips import Clip, programme_of, read_clips
from toolkit.data.unpack import unpack_zip

from .conftest import prepare

ROOT = Path(__file__).resolve().parents[3]
WHEEL = "habibi_tts-0.1.1-py3-none-any.whl"


def test_nine_clips_have_their_dialects_texts_and_recordings(prepared) -> None:
    made = prepared("dialect_clips")
    assert made.code == 0 and "9 utterances, as published" in made.output, made.output
    test = made.set("test")
    assert sorted(test.tables["utt2lang"].values()) == sorted(
        ["MSA", "EGY", "MOR", "NAJ", "HIJ", "GLF", "UAE", "ALG", "IRA"]
    )
    assert test.tables["text"]["Najdi"] == speech()[1].text + "."
    assert test.tables["utt2prog"]["Gulf"] == "6k_SBA_107_1" and test.tables["utt2prog"]["IRQ"] == "P9zYhlu5pzw"
    assert len(set(test.tables["utt2spk"].values())) == 9


@pytest.mark.parametrize("place", ["src/habibi_tts/assets", "assets", "."])
def test_the_sdist_and_the_folder_of_the_clips_are_read_too(make_tree, tmp_path, place: str) -> None:
    made = prepare("dialect_clips", make_tree("dialect_clips", place), tmp_path / "data")
    assert made.code == 0 and len(made.set("test")) == 9, made.output


def test_a_clip_that_is_not_there_or_is_broken_is_in_the_ledger_and_missed(make_tree, tmp_path) -> None:
    corpus = make_tree("dialect_clips")
    (corpus / "habibi_tts/assets/ALG.wav").unlink()
    (corpus / "habibi_tts/assets/EGY.mp3").write_bytes(b"")
    made = prepare("dialect_clips", corpus, tmp_path / "data")
    assert made.code == 0 and made.dropped == [("ALG", "missing"), ("EGY", "empty")]
    assert "7 utterances against 9 published" in made.output


def test_a_readme_of_another_version_is_a_clear_error(tmp_path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# MSA.mp3 (x)\n# EGY.mp3 (y)\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"MSA.mp3 has no transcript"):
        read_clips(readme)
    readme.write_text("# Nothing\n", encoding="utf-8")
    made = prepare("dialect_clips", tmp_path, tmp_path / "data")
    assert made.code == 1 and "no line `# <file> (<source>)`" in made.output and "Traceback" not in made.output


@pytest.mark.parametrize(
    ("source", "recording"),
    [("6k_SBA_22_2-seg_410_975-416_518", "6k_SBA_22_2"), ("yCfWAGx6aTw-162", "yCfWAGx6aTw"), ("13_segment_108", "13")],
)
def test_the_recording_is_what_stands_before_the_segment(source: str, recording: str) -> None:
    assert programme_of(Clip("x.wav", source, "")) == recording


def fetch(tmp_path: Path, index: Path) -> subprocess.CompletedProcess[str]:
    """Run the fetcher with a folder as the only package index."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "SAWT_CACHE": str(tmp_path / "cache")}
    argv = [str(ROOT / "tools/fetch_dialect_clips.sh"), "--out", str(tmp_path / "out")]
    return subprocess.run(argv, env={**os.environ, **offline}, capture_output=True, text=True)


def write_wheel(path: Path, members: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    about = "Metadata-Version: 2.1\nName: habibi-tts\nVersion: 0.1.1\n"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("habibi_tts-0.1.1.dist-info/METADATA", about)
        z.writestr("habibi_tts-0.1.1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        for name, data in members.items():
            z.writestr(name, data)


def test_a_package_that_is_not_the_tested_one_is_refused_and_nothing_of_it_kept(tmp_path) -> None:
    write_wheel(tmp_path / "index" / WHEEL, {"habibi_tts/assets/README.md": b"another"})
    done = fetch(tmp_path, tmp_path / "index")
    assert done.returncode == 1 and "is not the tested file" in done.stderr and "remedy" in done.stderr
    assert not list((tmp_path / "out").iterdir()) and not list((tmp_path / "cache/packages").iterdir())


def test_without_an_index_the_user_is_told_what_to_do_by_hand(tmp_path) -> None:
    (tmp_path / "index").mkdir()
    done = fetch(tmp_path, tmp_path / "index")
    assert done.returncode == 1 and "cannot fetch habibi-tts" in done.stderr and "run again" in done.stderr


def test_what_is_unpacked_is_not_fetched_again_and_a_missing_folder_is_named(tmp_path) -> None:
    (tmp_path / "out/habibi_tts/assets").mkdir(parents=True)
    done = fetch(tmp_path, tmp_path / "nowhere")
    assert done.returncode == 0 and "nothing to fetch" in done.stdout
    done = subprocess.run([str(ROOT / "tools/fetch_dialect_clips.sh")], capture_output=True, text=True)
    assert done.returncode == 1 and "--out is missing" in done.stderr


def test_one_folder_of_an_archive_is_unpacked_and_its_code_is_not(tmp_path) -> None:
    write_wheel(tmp_path / WHEEL, {"a/assets/x.txt": "نص".encode(), "a/assets/deep/y": b"1", "a/code.py": b"raise"})
    assert unpack_zip(tmp_path / WHEEL, "a/assets", tmp_path / "out") == 2
    paths = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert paths == ["a/assets/deep/y", "a/assets/x.txt"]


@pytest.mark.parametrize("name", ["../evil", "a/assets/../../../evil", "/tmp/evil-of-a-wheel", "a/assets//evil"])
def test_an_archive_that_would_leave_its_folder_is_refused_whole(tmp_path, name: str) -> None:
    write_wheel(tmp_path / WHEEL, {"a/assets/good": b"1", name: b"evil"})
    with pytest.raises(UserError, match="leaves its folder"):
        unpack_zip(tmp_path / WHEEL, "a/assets", tmp_path / "deep/out")
    assert not list(tmp_path.rglob("*evil*")) and not (tmp_path / "deep").exists()
    assert not Path("/tmp/evil-of-a-wheel").exists()


def test_a_link_in_an_archive_is_refused(tmp_path) -> None:
    link = zipfile.ZipInfo("a/assets/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as z:
        z.writestr(link, "/etc/passwd")
    with pytest.raises(UserError, match="a link"):
        unpack_zip(tmp_path / WHEEL, "a/assets", tmp_path / "out")


def test_a_damaged_archive_and_one_without_the_folder_leave_nothing(tmp_path) -> None:
    write_wheel(tmp_path / WHEEL, {"a/assets/x": b"a" * 5000})
    with pytest.raises(UserError, match="no folder b"):
        unpack_zip(tmp_path / WHEEL, "b", tmp_path / "out")
    data = (tmp_path / WHEEL).read_bytes()
    for broken in (data[:200], data.replace(b"a" * 50, b"b" * 50)):
        (tmp_path / WHEEL).write_bytes(broken)
        with pytest.raises(UserError, match="damaged"):
            unpack_zip(tmp_path / WHEEL, "a/assets", tmp_path / "out")
    assert not list(tmp_path.rglob("out/**/x"))


def test_whatever_byte_of_an_archive_is_damaged_it_is_unpacked_right_or_refused(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / WHEEL, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a/x", "كلمة" * 50)
    whole = (tmp_path / WHEEL).read_bytes()
    refused = 0
    for at in range(len(whole)):
        for value in (0, 0xFF, whole[at] ^ 1):
            (tmp_path / WHEEL).write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                unpack_zip(tmp_path / WHEEL, "a", tmp_path / "out")
            except UserError:
                refused += 1
            else:
                assert (tmp_path / "out/a/x").read_text() == "كلمة" * 50
    assert refused > len(whole)


def test_an_archive_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(UserError, match="no such archive"):
        unpack_zip(tmp_path / WHEEL, "a", tmp_path / "out")


def test_shards_that_a_kill_after_the_record_has_left_go_with_the_next_call(tmp_path) -> None:
    make(tmp_path / "corpus", speech())
    assert prepare("dialect_clips", tmp_path / "corpus", tmp_path / "data").code == 0
    (tmp_path / "data/shards").mkdir()
    (tmp_path / "data/shards/00000.jsonl").write_text("[]\n")
    again = prepare("dialect_clips", tmp_path / "corpus", tmp_path / "data")
    assert again.code == 0 and "is done" in again.output and not (tmp_path / "data/shards").exists()
