"""Fixtures of the store's tests: a real mongod, and records to put into it."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_loop.frame import frame_hash


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def frames(rng: np.random.Generator) -> dict[str, Atoms]:
    """Five silica-like frames with numbers that have no short decimal form."""
    made = {}
    for n in range(5):
        cell = np.diag([5.0, 6.0, 7.0]) + rng.normal(0, 0.1, (3, 3))
        atoms = Atoms("Si2O4", cell=cell, positions=rng.random((6, 3)) * 5, pbc=(True, True, n > 0))
        made[frame_hash(atoms)] = atoms
    return made


@pytest.fixture
def in_processes() -> Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]]:
    """Run a function with several arguments at once, each in a process of its own."""

    def run(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(len(arguments), mp_context=context) as pool:
            futures = [pool.submit(function, *given) for given in arguments]
            return [future.result(timeout=120) for future in futures]

    return run
