"""Structure as vitrum, sovapy and matscipy see it (in one file: vitrum's import takes seconds)."""

from __future__ import annotations

from collections import Counter
from importlib import import_module

import numpy as np
import pytest

from al_loop.glass.structure import (
    bond_angles,
    coordination,
    pair_distributions,
    qn,
    structure_factors,
)
from al_loop.glass.structure.rings import CRITERIA, rings_of_frame
from tests.glass.networks import rattled, silica_glass

CUTOFF = 2.0
"""Å: breaks some bonds of the rattled crystal."""


def broken_network():  # type: ignore[no-untyped-def]
    return rattled("beta-cristobalite", size=2, amplitude=0.22)


def test_pairs_and_scattering_agree_with_vitrum() -> None:
    scattering = import_module("vitrum.scattering")
    run = rattled("beta-cristobalite", size=3, amplitude=0.25)
    pairs = pair_distributions(run, r_max=10.7, width=0.01)
    theirs = scattering.Scattering(
        run.frames[0],
        qmin=0.5,
        qmax=15,
        rrange=10.7,
        nbin=1070,
        disable_progress=True,
        neutron_scattering_coef=[5.803, 4.1491],
    )
    for name in pairs.partials:
        a, b = name.split("-")
        assert pairs.partials[name][0] == pytest.approx(theirs.get_partial_pdf((a, b)), abs=1e-9)
    for lorch in (True, False):
        window = "lorch" if lorch else "none"
        ours = structure_factors(pairs, q=theirs.qval, window=window)  # type: ignore[arg-type]
        expected = theirs.get_structure_factor("neutron", lorch=lorch)
        assert ours.neutron().y == pytest.approx(expected, abs=0.02)
        # Form factors of two tables: 0.5 % of a curve that reaches 4.
        expected = theirs.get_structure_factor("xray", lorch=lorch)
        assert ours.xray().y == pytest.approx(expected, abs=0.03)


def test_coordination_angles_and_qn_agree_with_vitrum() -> None:
    vitrum = import_module("vitrum")
    run = broken_network()
    theirs = vitrum.Coordination(run.frames[0])
    cut = {("Si", "O"): CUTOFF}
    ours = coordination(run, cutoffs={"O-Si": CUTOFF})
    numbers = theirs.get_coordination_numbers("Si", "O", cutoff=cut)
    assert len(numbers) > 1
    for n, part in numbers.items():
        assert ours.species[f"Si-{n}"].value == pytest.approx(100 * part)
    angles = theirs.get_angles("O", "Si", cutoff=cut)[0]
    found = bond_angles(run, "Si-O-Si", cutoffs={"O-Si": CUTOFF})
    assert found.n == len(angles)
    assert found.mean.value == pytest.approx(angles.mean())
    parts = qn(run, cutoffs={"O-Si": CUTOFF}).parts
    bridges = theirs.get_bridging_analysis("Si", "O", former_types=["Si"], cutoff=cut)
    assert {n: part.value for n, part in parts.items()} == pytest.approx(
        {n: 100 * part for n, part in bridges.items()}
    )


@pytest.mark.filterwarnings("ignore::UserWarning:vitrum.rings")  # of paths across the boundary
def test_rings_agree_with_vitrum_and_primitive_ones_with_matscipy() -> None:
    """In a glass and in a broken crystal. sovapy counts the same rings of King and Guttman."""
    analysis = import_module("vitrum.rings")
    from matscipy.rings import ring_statistics

    # Larger rings of the glass meet their own images, which vitrum leaves out.
    for atoms, largest in ((silica_glass().frames[0], 6), (broken_network().frames[0], 8)):
        counts = {}
        for criterion in CRITERIA:
            ours = rings_of_frame(atoms, criterion, cutoffs={"O-Si": CUTOFF}, largest=largest)
            counts[criterion] = Counter(ours.sizes.tolist())
            theirs = analysis.RingAnalysis(atoms, ["Si", "O"], [("Si", "O")])
            theirs.calculate(
                criterion=criterion,
                max_size=2 * largest,
                cutoff={("Si", "O"): CUTOFF},
                repeat=(1, 1, 1),
            )
            expected = {size // 2: n for size, n in theirs.get_ring_size_distribution().items()}
            assert counts[criterion] == expected
        assert len(counts["king"]) > 1
        primitive = ring_statistics(atoms, {("Si", "O"): CUTOFF}, maxlength=2 * largest + 1)
        found = {size // 2: int(n) for size, n in enumerate(primitive) if n}
        assert counts["primitive"] == found
        assert np.sum(primitive[1::2]) == 0
