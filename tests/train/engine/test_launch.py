"""When a run takes several processes, and what is heard of one that fails."""

import os
from pathlib import Path

import pytest
import torch

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.train.engine.launch import WORTH_SECONDS, launch, processes

STEP: Step[None] = Step(None, [], Path(), ["train"])


@pytest.mark.parametrize(
    "nj, cores, micro_batches, seconds, expected",
    [
        (2, 2, 2, WORTH_SECONDS, 2),
        (8, 64, 2, WORTH_SECONDS, 2),  # a third would change the order of the sums, and so the bits
        (1, 2, 2, WORTH_SECONDS, 1),
        (2, 1, 2, WORTH_SECONDS, 1),
        (2, 2, 4, WORTH_SECONDS, 1),
        (2, 2, 1, WORTH_SECONDS, 1),
        (2, 2, 2, WORTH_SECONDS - 1, 1),
    ],
)
def test_a_second_process_is_taken_where_it_pays_and_leaves_the_bits_as_they_are(
    nj: int, cores: int, micro_batches: int, seconds: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAWT_NJ", str(nj))
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert processes(STEP, micro_batches, seconds) == expected


def test_there_is_a_process_for_every_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAWT_NGPU", "4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert processes(STEP, 4, 1.0) == 4


def test_a_process_that_fails_ends_the_run_with_its_log_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    argv = ["train.pretrain", "--in", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]
    with pytest.raises(UserError, match="one of 2 processes failed") as error:
        launch(Step(None, [], tmp_path / "out", argv), 2)
    log = tmp_path / "out/log/ranks.log"
    assert error.value.where == str(log)
    written = log.read_text()
    assert "no such input" in written and "Traceback" not in written and "(code 1)" in written
    assert "no such input" in capfd.readouterr().out  # a bar would be seen, too
