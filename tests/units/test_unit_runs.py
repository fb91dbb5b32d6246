"""Steps of units that are stopped, shared by workers or called from the command line: the bytes stay the same."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.units import label, sample
from toolkit.units.config import UnitsConfig
from toolkit.units.label import LabelConfig

ROOT = Path(__file__).resolve().parents[2]


def contents(folder: Path) -> dict[str, bytes]:
    left_out = {"log", "shards", ".lock", "record.json", "times.json", "dropped.tsv"}  # of the engine
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not left_out & {*p.parts}
    }


def test_a_run_stopped_between_shards_or_while_they_are_gathered_ends_with_the_same_bytes(
    chain: Callable[..., Path],
    run_step: Callable[..., Any],
    small: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, data = chain(), tmp_path / "train"
    whole = contents(made)
    shutil.rmtree(made / "labels")
    shutil.rmtree(made / "sample")
    for module, config, ins, out, fields in (
        (sample, UnitsConfig, [data], made / "sample", small),
        (label, LabelConfig, [data, made / "codebook"], made / "labels", None),
    ):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(module, "features_of", _stop_after(4, module.features_of))
            run_step(module, config, ins, out, fields)
        assert 0 < len([*(out / "shards").glob("0000?")]) < 8
        if module is sample:
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr(sample, "write_text", _stop_at("feats.scp", sample.write_text))
                run_step(module, config, ins, out, fields)
            assert [*out.glob("feats.*.ark")] and not (out / "feats.scp").exists()
        run_step(module, config, ins, out, fields)
    assert contents(made) == whole


def _stop_after(n: int, features_of: Callable[..., Any]) -> Callable[..., Any]:
    seen = [0]

    def stopping(*args: Any) -> Any:
        for item in features_of(*args):
            seen[0] += 1
            if seen[0] > n:
                raise KeyboardInterrupt
            yield item

    return stopping


def _stop_at(name: str, write: Callable[[Path, str], None]) -> Callable[[Path, str], None]:
    def stopping(path: Path, text: str) -> None:
        if path.name == name:
            raise KeyboardInterrupt
        write(path, text)

    return stopping


def test_two_workers_make_the_bytes_of_one_and_the_command_lines_work(
    chain: Callable[..., Path], small: dict[str, Any], tmp_path: Path
) -> None:
    made, data = chain(), tmp_path / "train"
    flags = [w for k, v in small.items() for w in (f"--{k}", str(v))]
    whole = contents(made)
    for module, words in (
        ("sample", [*flags, "--in", data, "--out", made / "sample"]),
        ("label", ["--in", data, made / "codebook", "--out", made / "labels"]),
    ):
        shutil.rmtree(words[-1])
        done = subprocess.run(
            [sys.executable, "-m", f"toolkit.units.{module}", *map(str, words)],
            cwd=ROOT,
            env={**os.environ, "SAWT_NJ": "2", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert contents(made) == whole


def test_a_users_mistake_at_the_command_line_ends_without_a_traceback(
    make_data: Callable[..., Path], tmp_path: Path
) -> None:
    words = ["--kmeans.kk", "5", "--in", str(make_data()), "--out", str(tmp_path / "s")]
    done = subprocess.run(
        [sys.executable, "-m", "toolkit.units.sample", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1 and "did you mean --kmeans.k?" in done.stderr and "Traceback" not in done.stderr
