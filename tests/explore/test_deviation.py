from __future__ import annotations

import importlib

import numpy as np
import pytest
from ase import Atoms

from al_loop.distances import closest_contact
from al_loop.explore.deviation import force_deviation, virial_deviation


def test_two_members_that_differ_by_d_deviate_by_half_of_d() -> None:
    forces = np.zeros((2, 3, 3))
    forces[0, 1] = [3.0, 0.0, 4.0]
    assert force_deviation(forces) == pytest.approx((2.5, 2.5 / 3))


def test_force_deviation_by_hand_for_four_members() -> None:
    forces = np.zeros((4, 1, 3))
    forces[:, 0, 0] = [1.0, 2.0, 3.0, 4.0]  # population variance 1.25
    forces[:, 0, 1] = [0.0, 0.0, 0.0, 4.0]  # population variance 3.0
    assert force_deviation(forces)[0] == pytest.approx(np.sqrt(4.25))


def test_force_deviation_does_not_see_what_members_agree_on_nor_the_axes() -> None:
    generator = np.random.default_rng(0)
    forces = generator.normal(size=(4, 7, 3))
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    shifted = forces @ turn + generator.normal(size=(7, 3))
    assert force_deviation(shifted) == pytest.approx(force_deviation(forces))


def test_virial_deviation_is_per_atom() -> None:
    virials = np.zeros((2, 3, 3))
    virials[0, 0, 1] = 10.0
    assert virial_deviation(virials, 5) == pytest.approx(1.0)


def test_deviations_agree_with_deepmd_kit() -> None:
    model_devi = importlib.import_module("deepmd.infer.model_devi")
    generator = np.random.default_rng(1)
    forces, virials = generator.normal(size=(4, 1, 6, 3)), generator.normal(size=(4, 1, 9))
    worst, _, mean = model_devi.calc_model_devi_f(forces)
    assert force_deviation(forces[:, 0]) == pytest.approx((worst[0], mean[0]))
    worst, _, _ = model_devi.calc_model_devi_v(virials / 6)
    assert virial_deviation(virials.reshape(4, 3, 3), 6) == pytest.approx(worst[0])


def test_floors_see_pairs_through_the_boundary_and_own_images() -> None:
    atoms = Atoms("SiO", positions=[[0.1, 0, 0], [4.9, 0, 0]], cell=[5, 5, 5], pbc=True)
    assert closest_contact(atoms, {"O-Si": 0.19}) is None
    assert closest_contact(atoms, {"O-Si": 0.21}) is not None
    assert closest_contact(atoms, {"O-O": 4.9}) is None
    assert closest_contact(atoms, {"O-O": 5.1}) is not None
    assert closest_contact(atoms, {"Na-O": 9.0}) is None
    assert closest_contact(atoms, {}) is None
