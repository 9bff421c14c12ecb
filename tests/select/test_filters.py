"""Contacts between atoms, and filters of several filters."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from al_loop.distances import Contact, closest_contact
from al_loop.select import all_of

from .contract import pair


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 12),
    limits=st.tuples(*[st.floats(0.3, 3.0)] * 3),
)
def test_contacts_are_those_of_a_plain_loop(
    seed: int, count: int, limits: tuple[float, float, float]
) -> None:
    generator = np.random.default_rng(seed)
    cell = np.diag(generator.uniform(3.2, 6.0, 3)) + generator.uniform(-0.5, 0.5, (3, 3))
    symbols = generator.choice(["Si", "O"], count).tolist()
    fractions = generator.uniform(-1, 2, (count, 3))
    atoms = Atoms(symbols, scaled_positions=fractions, cell=cell, pbc=True)
    minimum = dict(zip(("O-O", "O-Si", "Si-Si"), limits, strict=True))

    fractions = fractions % 1.0
    shifts = np.array(list(product(range(-2, 3), repeat=3)))
    worst = 1.0
    for i, j in product(range(count), repeat=2):
        apart = np.linalg.norm((fractions[j] - fractions[i] + shifts) @ cell, axis=1)
        if i == j:
            apart = apart[apart > 1e-9]
        worst = min(worst, apart.min() / minimum["-".join(sorted((symbols[i], symbols[j])))])

    contact = closest_contact(atoms, minimum)
    if contact is None:
        assert worst >= 1.0
    else:
        assert contact.minimum == minimum[contact.pair]
        assert contact.distance / contact.minimum == pytest.approx(worst)


def test_only_listed_pairs_are_looked_at() -> None:
    assert closest_contact(pair(0.5), {"Si-Si": 2.0, "Na-O": 2.0}) is None
    assert closest_contact(pair(0.5), {}) is None
    assert closest_contact(pair(0.5), {"O-Si": 1.0}) == Contact("O-Si", 0.5, 1.0)


def test_first_reason_counts_and_no_filter_accepts_all() -> None:
    check = all_of(lambda _: None, lambda _: "one", lambda _: "two")
    assert check(pair(1.0)) == "one"
    assert all_of()(pair(0.0)) is None
