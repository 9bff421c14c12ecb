"""Walkers to choose from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms

from al_loop.select import Pool

MakePool = Callable[..., Pool]


def frame(x: float) -> Atoms:
    """A configuration that differs from that of any other ``x`` between 0 and 9."""
    return Atoms("SiO", positions=[[0, 0, 0], [x, 2.0, 0]], cell=[10, 10, 10], pbc=True)


@pytest.fixture
def make_pool() -> MakePool:
    """A walker's pool from the codes of its samples; all but ``dropped`` samples are kept."""

    def make(name: str, codes: list[int], *, dropped: tuple[int, ...] = ()) -> Pool:
        kept = [i for i in range(len(codes)) if i not in dropped]
        offset = sum(name.encode()) % 7 + len(name) * 1e-3
        return Pool(
            name=name,
            code=np.array(codes, dtype=np.int8),
            kept=np.array(kept, dtype=np.int64),
            frames=[frame(offset + 1e-4 * i) for i in kept],
        )

    return make
