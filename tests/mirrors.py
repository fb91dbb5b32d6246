"""A registry of our own for tests of the fetchers: a server on this machine, and a PATH with few programs on it."""

import re
import shutil
from collections.abc import Iterable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

TOOLS = ["bash", "env", "mkdir", "cut", "sha256sum", "find", "mktemp", "rm", "mv", "grep", "tail", "cat"]


class Mirror(ThreadingHTTPServer):
    """Answers a path with its bytes in `files`, any other with 404; `asked` keeps the paths in order."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        path = unquote(self.path)
        self.server.asked.append(path)
        body = self.server.files.get(path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass


def path_with(folder: Path, programs: Iterable[str]) -> Path:
    """Make `folder` one that holds TOOLS and `programs` and nothing else; skip the test if one is not installed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in [*TOOLS, *programs]:
        program = shutil.which(name)
        if not program:
            pytest.skip(f"{name} is not installed")
        (folder / name).symlink_to(program)
    return folder


def write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def with_sums_of(script: Path, files: dict[str, bytes], out: Path) -> Path:
    """A copy of a fetcher below `out` for which `files` (a word of the line that has the sum -> bytes) are tested."""
    lines = script.read_text(encoding="utf-8").splitlines(keepends=True)
    for i, line in enumerate(lines):
        for word, data in files.items():
            if word in line.replace('"', " ").split():
                lines[i] = re.sub(r"\b[0-9a-f]{64}\b", sha256(data).hexdigest(), line)
    copy = out / "tools" / script.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(script.with_name("fetching.sh"), copy.parent)
    write_program(copy, "".join(lines))
    return copy
