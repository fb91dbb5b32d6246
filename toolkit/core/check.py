"""Whether the commands of many steps are right, in one process and before any of them runs: importing torch is slow.

On standard input, JSON: [[stage, argv], ...]. Each step is run as its own process would run it, up to the point where
its config and its flags are read. All that is wrong goes to standard error; the exit code is then 2.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence

from . import slurm, step
from .errors import UserError, told
from .table import Run

Named = tuple[str, list[str]]  # stage, argv


def refuse_wrong(runs: Sequence[Named]) -> None:
    """End this process with 2, once all is said, where a command of `runs` is wrong.

    Scripts of a recipe's local/ are left out: they need not be steps.
    """
    steps: dict[str, Named] = {}
    for stage, argv in runs:
        said = _said(argv)
        if "/" not in argv[0] and len(said) > 1:
            steps.setdefault(json.dumps(said), (stage, argv))
    words = [sys.executable, "-m", "toolkit.core.check"]
    code = subprocess.run(words, input=json.dumps([*steps.values()]), text=True).returncode if steps else 0
    if code == 2:
        raise SystemExit(2)
    if code:
        raise UserError(f"the configs could not be checked: code {code}", " ".join(words), "see what stands above")


def _said(argv: Sequence[str]) -> list[str]:
    """The step and what is said to it, without the places of inputs and output: that is checked once for each."""
    kept, name = [], ""
    for word in argv:
        name = word if word.startswith("--") else name
        if name not in ("--in", "--out"):
            kept.append(word)
    return kept


def main() -> None:
    runs: list[Named] = json.load(sys.stdin)
    step.only_checked = True
    warnings.simplefilter("ignore", RuntimeWarning)  # runpy's, of a step that another one has imported
    wrong: list[str] = []
    with told(2, os.getcwd()):
        for stage, argv in runs:
            try:
                _check(argv)
            except UserError as e:
                wrong.append(f"error: {stage}: {e}")
        wrong += [f"error: {e}" for e in _too_few_gpus([argv for _, argv in runs])]
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    raise SystemExit(2 if wrong else 0)


def _check(argv: Sequence[str]) -> None:
    """Raise UserError where the step of `argv` would refuse its config or a flag."""
    sys.argv = list(argv)
    runpy.run_module(f"toolkit.{argv[0]}", run_name="__main__", alter_sys=True)


def _too_few_gpus(argvs: Sequence[Sequence[str]]) -> Iterator[UserError]:
    """What is wrong with --ngpu. Steps other than a training compute on the CPU where there is no CUDA at all."""
    ngpu = int(os.environ.get("SAWT_NGPU", "0"))
    if not ngpu or slurm.chosen():
        return
    import torch

    found = torch.cuda.device_count()
    if ngpu > found and (found or any(Run([*argv]).jobs == "ranks" for argv in argvs)):
        yield UserError(
            f"{ngpu} GPUs are asked for and torch finds {found}",
            "--ngpu",
            f"ask for {found}" if found else "--ngpu 0 trains on the CPU",
        )


if __name__ == "__main__":
    main()
