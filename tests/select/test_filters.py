"""Filters refuse what is not worth a label, and say why in countable words."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from al_loop.distances import Contact, closest_contact
from al_loop.select import all_of, apart, finite, make_filter, within_density


def pair(distance: float, symbols: str = "SiO", length: float = 10.0) -> Atoms:
    return Atoms(symbols, positions=[[0, 0, 0], [distance, 0, 0]], cell=[length] * 3, pbc=True)


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


def test_periodic_images_count() -> None:
    assert apart({"O-Si": 1.0})(pair(9.5)) == "O-Si closer than 1 Å"
    assert apart({"Si-Si": 3.0})(pair(1.0, length=2.9)) == "Si-Si closer than 3 Å"


def test_reasons_can_be_counted() -> None:
    check = apart({"O-Si": 1.3})
    assert {check(pair(d)) for d in (0.2, 0.7, 1.2)} == {"O-Si closer than 1.3 Å"}
    assert check(pair(1.31)) is None


def test_density_window() -> None:
    check = within_density(2.0, 3.0)
    silicon = bulk("Si", "diamond", a=5.431, cubic=True)  # 2.329 g/cm3
    assert check(silicon) is None
    for factor, why in ((0.9, "density above 3 g/cm3"), (1.1, "density below 2 g/cm3")):
        scaled = silicon.copy()
        scaled.set_cell(silicon.cell * factor, scale_atoms=True)
        assert check(scaled) == why


def test_first_reason_counts_and_no_filter_accepts_all() -> None:
    check = all_of(lambda _: None, lambda _: "one", lambda _: "two")
    assert check(pair(1.0)) == "one"
    assert all_of()(pair(0.0)) is None


def test_campaigns_filter_refuses_what_is_not_finite_before_anything_else() -> None:
    broken = pair(1.0)
    broken.positions[0, 0] = np.nan
    check = make_filter(min_distance={"O-Si": 1.3}, density=(0.01, 0.2))
    assert check(broken) == finite(broken) == "positions or cell are not finite"
    assert check(pair(1.5)) is None
    assert check(pair(1.0)) == "O-Si closer than 1.3 Å"
    assert check(pair(1.5, length=5.0)) == "density above 0.2 g/cm3"
    assert make_filter(min_distance={}, density=None)(pair(0.1)) is None


def test_a_frame_of_192_atoms_takes_less_than_five_milliseconds() -> None:
    silicon = bulk("Si", "diamond", a=5.431, cubic=True).repeat((2, 3, 4))
    assert len(silicon) == 192
    silicon.symbols[::3] = "O"
    check = make_filter(min_distance={"O-Si": 1.3, "O-O": 2.0, "Si-Si": 2.0}, density=(1, 4))
    check(silicon)
    times = []
    for _ in range(20):
        start = time.process_time()
        assert check(silicon) is None
        times.append(time.process_time() - start)
    assert min(times) < 5e-3
