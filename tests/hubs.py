"""A model hub of our own on this machine, which huggingface_hub asks in place of the real one."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import huggingface_hub
import pytest

REVISION = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Has the `models`, id -> folder, all at one revision; `sent` keeps the names of the files it has sent."""

    def __init__(self) -> None:
        self.models: dict[str, Path] = {}
        self.sent: list[str] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).removeprefix("/")
        for name, folder in self.server.models.items():
            files = sorted(folder.iterdir())
            if path.startswith(f"api/models/{name}/tree/"):
                tree = [{"type": "file", "path": p.name, "size": p.stat().st_size, "oid": sha_of(p)} for p in files]
                return self.answer(json.dumps(tree).encode())
            if path.startswith(f"api/models/{name}/"):
                about = {"id": name, "sha": REVISION, "siblings": [{"rfilename": p.name} for p in files]}
                return self.answer(json.dumps(about).encode())
            for revision in (REVISION, "main"):
                file = folder / path.removeprefix(f"{name}/resolve/{revision}/")
                if path.startswith(f"{name}/resolve/") and file.is_file():
                    return self.answer(file.read_bytes(), file.name)
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, body: bytes, name: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("ETag", hashlib.sha256(body).hexdigest())
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
            self.server.sent += [name] if name else []

    def log_message(self, *_: object) -> None:
        pass


def sha_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def hub_of_ours(cache: Path) -> Iterator[Hub]:
    """The hub, asked by everything in this process, with an empty cache."""
    hub = Hub()
    threading.Thread(target=hub.serve_forever, args=(0.02,), daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        constants = huggingface_hub.constants
        patch.setattr(constants, "ENDPOINT", hub.address)
        template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield hub
    hub.shutdown()
    hub.server_close()
