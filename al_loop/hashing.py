"""Names that can be computed again: canonical hashes and derived seeds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON of ``value`` with sorted keys, no spaces and no NaN: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 (hexadecimal) of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hexadecimal) of a file's bytes."""
    with path.open("rb") as stream:
        state = hashlib.sha256()
        while block := stream.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def derive_seed(*parts: str | int) -> int:
    """Seed in [1, 2**31 - 1] that depends on all of ``parts`` and on nothing else.

    Every random draw of a campaign takes its seed from here, so that a step that is
    done again after a kill draws the same numbers.
    """
    raw = hashlib.sha256(canonical_json(list(parts)).encode()).digest()
    return int.from_bytes(raw[:8], "big") % (2**31 - 1) + 1
