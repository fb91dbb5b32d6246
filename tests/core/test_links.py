"""Links that lead nowhere are called so, wherever an input is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.core.errors import UserError
from toolkit.core.links import absent, dangling
from toolkit.data.audio import AudioError, open_recording
from toolkit.data.corpora.sources import corpus_folder
from toolkit.data.kaldi import read_tables
from toolkit.models.model_files import find_folder, refuse_without_weights
from toolkit.score.texts import read_texts
from toolkit.text.lines import lines_of


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A link to a file that is not there."""
    path = tmp_path / "رابط"
    path.symlink_to("gone/file")
    return path


def test_a_dangling_link_says_where_it_leads_and_a_plain_path_says_nothing(tmp_path, link):
    leads = f"a link to {tmp_path}/gone/file, which is not there"
    assert dangling(link) == absent(link) == leads
    assert dangling(link / "wav/a.wav") == f"below {link}, {leads}"
    (tmp_path / "second").symlink_to(link)
    assert dangling(tmp_path / "second") == leads
    assert dangling(tmp_path) == dangling(tmp_path / "nowhere") == dangling("a\0b") == ""
    assert absent(tmp_path / "nowhere", "recording") == "no such recording"
    (tmp_path / "loop").symlink_to("loop")
    assert dangling(tmp_path / "loop") == ""


@pytest.mark.parametrize(
    "read",
    [
        lambda path: list(lines_of(str(path), kaldi=False)),
        read_texts,
        corpus_folder,
        read_tables,
        lambda path: find_folder(path, "Whisper", "openai/whisper-tiny", ["*"]),
    ],
    ids=["lines", "texts", "corpus", "data directory", "model"],
)
def test_a_reader_calls_a_dangling_link_one(read, link):
    with pytest.raises(UserError) as e:
        read(link)
    assert f"a link to {link.parent}/gone/file, which is not there" in str(e.value)


def test_a_recording_that_is_a_dangling_link_is_missing_and_called_one(link):
    with pytest.raises(AudioError, match="which is not there") as e, open_recording(link):
        pass
    assert e.value.reason == "missing"


def test_a_model_whose_files_are_links_into_a_cache_that_is_gone_says_so(tmp_path):
    (tmp_path / "config.json").symlink_to("../blobs/1")
    with pytest.raises(UserError, match=r"no Whisper here: a link to .*/blobs/1, which is not there"):
        find_folder(tmp_path, "Whisper", "openai/whisper-tiny", ["*"])
    (tmp_path / "model.safetensors").symlink_to("../blobs/2")
    with pytest.raises(UserError, match=r"no weights here: a link to .*/blobs/2, which is not there"):
        refuse_without_weights(tmp_path, str(tmp_path))


def test_any_error_whose_place_is_a_dangling_link_says_so(link):
    assert f"where:  {link}: a link to" in str(UserError("not a folder", str(link)))


def test_an_input_of_a_step_or_a_recipe_that_is_a_dangling_link_is_called_one(recipe, tmp_path, link):
    words = [sys.executable, "-m", "toolkit.data.corpora.folder", "--in", str(link), "--out", str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1 and f"error: a link to {tmp_path}/gone/file" in done.stderr, done.stderr
    code, printed = recipe("--corpus", str(link))
    assert code == 2 and f"needs {link}: a link to {tmp_path}/gone/file, which is not there" in printed
