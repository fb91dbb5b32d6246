"""No file names the host of a package registry: npm, pip and apt-get know theirs, or a mirror that is set up there."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Joined here, so that this file names none either.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("npmmirror", "com"),
        ("pypi", "org"),
        ("pypi", "python", "org"),
        ("pythonhosted", "org"),
        *((name, "debian", "org") for name in ("deb", "ftp", "security", "archive", "snapshot", "httpredir", "cdn")),
        *((name, "ubuntu", "com") for name in ("archive", "ports", "security")),
        ("download", "pytorch", "org"),
        ("crates", "io"),
        ("anaconda", "org"),
        ("anaconda", "com"),
    )
]
# Debian's mirrors of a country are ftp.<country>.<its domain>.
HOST = re.compile("|".join([*map(re.escape, HOSTS), r"ftp\.[a-z]{2}\.debian\." + "org"]).encode(), re.I)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def hosts_in(data: bytes) -> set[str]:
    return {host.decode().lower() for host in HOST.findall(data)}


def test_no_tracked_file_names_the_host_of_a_package_registry() -> None:
    named = {str(p.relative_to(ROOT)): hosts for p in tracked_files() if (hosts := hosts_in(p.read_bytes()))}
    assert not named


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_is_found_in_an_address_and_alone(host: str) -> None:
    assert hosts_in(f"see https://{host}/simple".encode()) == hosts_in(host.upper().encode()) == {host}
