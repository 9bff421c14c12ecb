"""Labels that are not to be believed, and the zero of energy beside which they are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from al_loop.campaign.stages import LabelQuality
from al_loop.label import Label
from al_loop.label.quality import Numbers, doubt, doubts_of_set
from al_loop.label.reference import ReferenceEnergies, fit_references

ZEOLITES = Path(__file__).parents[3] / "shared" / "data" / "si-zeo22"
BOUNDS = LabelQuality()
SILICON, OXYGEN = -4.0, -9.0


def label(**changes: object) -> Label:
    forces = np.random.default_rng(1).normal(scale=2.0, size=(24, 3))
    values = {"energy": -190.0, "forces": forces - forces.mean(axis=0), "virial": np.eye(3)}
    return Label(**{**values, **changes})  # type: ignore[arg-type]


def reason(given: Label, bounds: LabelQuality = BOUNDS) -> str:
    seen = doubt(given, bounds)
    return seen.reason if seen else ""


def test_a_good_label_is_believed() -> None:
    assert reason(label()) == ""
    assert reason(label(virial=None)) == ""


def test_the_noise_of_a_net_force_does_not_depend_on_the_number_of_atoms() -> None:
    rng = np.random.default_rng(2)
    for atoms in (24, 2400):
        quiet, loud = (rng.normal(scale=noise, size=(200, atoms, 3)) for noise in (0.02, 0.2))
        believed = [reason(label(forces=forces)) == "" for forces in quiet]
        refused = [reason(label(forces=forces)) == "net-force" for forces in loud]
        assert np.mean(believed) > 0.95
        assert np.mean(refused) > 0.95


def test_a_force_that_went_missing_is_noticed() -> None:
    forces = label().forces.copy()
    forces[3] = 0.0
    assert reason(label(forces=forces)) == "net-force"


def test_large_forces_are_refused_unless_they_are_wanted() -> None:
    forces = np.zeros((24, 3))
    forces[0, 0], forces[1, 0] = 120.0, -120.0
    assert reason(label(forces=forces)) == "force-too-large"
    assert reason(label(forces=forces), LabelQuality(max_force=None)) == ""


def test_a_virial_of_swapped_components_is_noticed() -> None:
    virial = np.eye(3) * 5.0
    virial[0, 1] = 0.3
    assert reason(label(virial=virial)) == "virial-asymmetric"


def melt(n: int, silicon: int = 8, oxygen: int = 16, seed: int = 0) -> dict[str, Numbers]:
    """Labels of a crystal and a melt of one composition, 0.6 eV/atom apart."""
    rng = np.random.default_rng([seed, silicon, oxygen])
    own = SILICON * silicon + OXYGEN * oxygen
    kinds = rng.choice([0.0, 0.6], size=n)
    energies = own + (silicon + oxygen) * (kinds + rng.normal(scale=0.05, size=n))
    return {
        f"{silicon}-{oxygen}-{i}": Numbers(float(e), {"Si": silicon, "O": oxygen}, True)
        for i, e in enumerate(energies)
    }


def references(labels: dict[str, Numbers]) -> ReferenceEnergies:
    compositions = [one.composition for one in labels.values()]
    return fit_references(compositions, np.array([one.energy for one in labels.values()]))


def odd(labels: dict[str, Numbers]) -> dict[str, str]:
    found = doubts_of_set(labels, references(labels), BOUNDS)
    return {frame: seen.reason for frame, seen in found.items()}


def test_crystal_and_melt_are_both_believed_and_a_wrong_energy_is_not() -> None:
    labels = melt(60)
    assert odd(labels) == {}
    good = labels["8-16-7"]
    labels["8-16-7"] = Numbers(good.energy / 27.2114, good.composition, True)  # Hartree
    assert odd(labels) == {"8-16-7": "energy-odd"}


def test_a_few_labels_of_a_rare_composition_are_judged_beside_the_others() -> None:
    labels = {**melt(40), **melt(40, 6, 18), **melt(3, 4, 20)}
    assert odd(labels) == {}
    rare = labels["4-20-1"]
    labels["4-20-1"] = Numbers(rare.energy + 24 * 12.0, rare.composition, True)
    assert odd(labels) == {"4-20-1": "energy-odd"}


def test_where_there_is_nothing_to_compare_with_nothing_is_odd() -> None:
    labels = melt(4)
    labels["8-16-0"] = Numbers(1.0e6, {"Si": 8, "O": 16}, True)
    assert odd(labels) == {}


def test_a_label_without_the_stress_that_others_have_is_odd() -> None:
    labels = melt(30)
    labels["8-16-3"] = Numbers(labels["8-16-3"].energy, {"Si": 8, "O": 16}, has_virial=False)
    assert odd(labels) == {"8-16-3": "stress-missing"}
    none = {f: Numbers(one.energy, one.composition, False) for f, one in labels.items()}
    assert odd(none) == {}


def test_fitted_references_are_those_that_made_the_energies_and_ignore_wrong_labels() -> None:
    labels = {**melt(800), **melt(800, 6, 18), **melt(800, 12, 12)}
    wrong = dict(labels)
    wrong["8-16-5"] = Numbers(5.0e3, {"Si": 8, "O": 16}, True)
    fitted = references(wrong)
    assert (fitted.kind, fitted.rank) == ("fitted", 2)
    assert fitted.labels == len(labels) - 1
    # the melt lies 0.6 eV/atom higher in half of the labels
    assert fitted.energies["Si"] == pytest.approx(SILICON + 0.3, abs=0.15)
    assert fitted.energies["O"] == pytest.approx(OXYGEN + 0.3, abs=0.15)


def test_one_composition_alone_is_fitted_and_its_rank_says_that_it_is_alone() -> None:
    labels = melt(40)
    fitted = references(labels)
    assert fitted.rank == 1
    compositions = {frame: one.composition for frame, one in labels.items()}
    own = SILICON * 8 + OXYGEN * 16 + 24 * 0.3
    assert fitted.of(compositions)[0] == pytest.approx(own, abs=24 * 0.15)


@pytest.mark.skipif(not ZEOLITES.is_dir(), reason="real VASP labels are not here")
def test_sixteen_thousand_real_vasp_labels_are_believed() -> None:
    labels: dict[str, Numbers] = {}
    for file in sorted(ZEOLITES.glob("???.npz")):
        with np.load(file) as data:
            forces, energies = data["forces"].astype(float), data["energies"]
            symbols = data["symbols"].tolist()
        composition = {symbol: symbols.count(symbol) for symbol in set(symbols)}
        for i, energy in enumerate(energies):
            given = Label(float(energy), forces[i], None)
            assert doubt(given, BOUNDS) is None, (file.stem, i)
            labels[f"{file.stem}-{i}"] = Numbers(float(energy), composition, False)
    assert len(labels) > 16_000
    assert odd(labels) == {}
