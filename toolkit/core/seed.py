"""Seeds derived from names: the same in every process, on every machine, in any order of work."""

from __future__ import annotations

import hashlib
import json


def seed_of(*parts: int | float | str) -> int:
    """A seed in [0, 2**63) from what it belongs to, e.g. `seed_of(config.seed, "sample", utterance.id)`.

    SHA-256 over the parts written as JSON, so ("a", "bc") and ("ab", "c"), 1 and "1" differ; unlike
    hash(), it does not change from process to process. The first 63 bits are kept: torch.Generator
    takes signed 64-bit seeds, numpy.random.default_rng any non-negative one.
    """
    written = json.dumps(parts, ensure_ascii=True).encode()
    return int.from_bytes(hashlib.sha256(written).digest()[:8], "big") >> 1
