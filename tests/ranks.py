"""Runs a function in several ranks, each a process of its own, as torchrun would start them."""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch
import torch._dynamo

from toolkit.core.job import die_with_parent
from toolkit.train.engine.ranks import World

# Without a GPU a forked process may run backward passes, and need not import torch again, which takes seconds.
CONTEXT: Any = multiprocessing.get_context("forkserver" if torch.cuda.is_available() else "fork")


def in_ranks(size: int, function: Callable[..., Any], *args: Any, seconds: float = 120.0) -> list[Any]:
    """function(world, *args) of each rank, in their order; `function` must be importable and return no tensors.

    Raises RuntimeError, and ends the other ranks, if one fails or is killed.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pairs = [CONTEXT.Pipe(duplex=False) for _ in range(size)]
    ranks = [
        CONTEXT.Process(target=_rank, args=(rank, size, port, pair[1], function, args), daemon=True)
        for rank, pair in enumerate(pairs)
    ]
    for rank in ranks:
        rank.start()
    deadline, failed = time.monotonic() + seconds, False
    while not failed and any(rank.is_alive() for rank in ranks):
        failed = time.monotonic() > deadline or any(rank.exitcode not in (None, 0) for rank in ranks)
        time.sleep(0.01)
    for rank in ranks:
        rank.kill() if failed else rank.join()
        rank.join()
    if failed or any(rank.exitcode for rank in ranks):
        messages = [pair[0].recv() for pair in pairs if pair[0].poll()]
        raise RuntimeError(f"ranks ended with {[rank.exitcode for rank in ranks]}: {messages}")
    return [pair[0].recv() for pair in pairs]


def _rank(
    rank: int, size: int, port: int, connection: Connection, function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    die_with_parent()
    torch.set_num_threads(1)
    if size > 1:
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_PORT": port}
        os.environ |= {name: str(value) for name, value in place.items()}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo"}
    try:
        with World.joined(0) as world:
            connection.send(function(world, *args))
    except BaseException:
        connection.send(traceback.format_exc())
        raise
