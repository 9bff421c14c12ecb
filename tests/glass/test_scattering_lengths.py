"""Neutron scattering lengths, and what is said where one is missing."""

from __future__ import annotations

import pytest

from al_loop.errors import DatasetError
from al_loop.glass.scattering_lengths import neutron_lengths


def test_silica_has_the_mean_scattering_length_of_the_tables() -> None:
    b = neutron_lengths(["Si", "O", "O"])
    assert (b["Si"] + 2 * b["O"]) / 3 == pytest.approx(5.2517, abs=1e-4)


def test_a_length_that_is_given_comes_first() -> None:
    assert neutron_lengths(["Li"])["Li"] < 0
    assert neutron_lengths(["Li"], {"Li": -2.22}) == {"Li": -2.22}  # lithium-7


def test_other_elements_come_from_the_tables_of_periodictable() -> None:
    """In Sears (1992): 4.84 fm of cerium, 9.45 of iron, 8.24 of lanthanum, -3.739 of hydrogen."""
    b = neutron_lengths(["Ce", "Fe", "La", "H", "O"])
    expected = {"Ce": 4.84, "Fe": 9.45, "H": -3.739, "La": 8.24, "O": 5.803}
    assert b == pytest.approx(expected, abs=0.01)


def test_a_length_that_nobody_knows_is_asked_for() -> None:
    with pytest.raises(DatasetError, match=r"length of Po, Qq here\n.*lengths=\{'Po': 5.0\}"):
        neutron_lengths(["O", "Qq", "Po"])
