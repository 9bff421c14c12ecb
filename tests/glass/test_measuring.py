from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.units import GPa
from pydantic import ValidationError
from scipy.integrate import trapezoid

from al_loop.calculator import FunctionCalculator
from al_loop.crystals import crystal as published
from al_loop.errors import DatasetError
from al_loop.glass import Estimate, Measurement, MeasureOptions, Trajectory, measure
from al_loop.glass.compare import Reference, compare, shipped_references
from al_loop.glass.measuring import OBSERVABLES, observable
from al_loop.glass.measuring.part import Part, mean_of
from al_loop.glass.mechanics import compress
from al_loop.glass.relax import relaxed
from al_loop.glass.structure import StructureOptions
from al_loop.units import Array, density, virial_from_stress
from tests.glass.lennard_jones import argon, lennard_jones
from tests.glass.networks import rattled

COARSE = StructureOptions(r_width=0.05, q_step=0.05, rings=("king",))


def test_names_units_and_known_answers_of_cristobalite() -> None:
    """Ideal beta-cristobalite: Si-O 1.5502 Å, two rings of six a silicon, Q4 alone."""
    samples = [rattled("beta-cristobalite", size=2, amplitude=0.02, seed=k) for k in (1, 2, 3)]
    found = measure(samples, MeasureOptions(structure=COARSE))
    for name, one in found.values.items():
        full, what = observable(name)
        assert (full, what.kind, what.unit) == (name, "value", one.unit)
    for name, curve in found.curves.items():
        full, what = observable(name)
        assert (full, what.kind) == (name, "curve")
        assert (what.x_unit, what.unit) == (curve.x_unit, curve.y_unit)
    value = {name: one.value for name, one in found.values.items()}
    assert value["length_Si-O"] == pytest.approx(1.5502, abs=0.002)
    assert value["peak_Si-Si"] == pytest.approx(3.1004, abs=0.02)
    assert (value["si4"], value["si5"], value["qn_4"], value["qn_3"]) == (100, 0, 100, 0)
    assert (value["rings_king_6"], value["rings_king_2"]) == (2.0, 0.0)
    assert groups_of(found) == {"structure", "rings"}
    assert found.values["density"].n == 3
    assert len(found.by_sample) == 3
    assert found.conditions.fractions == pytest.approx({"O": 2 / 3, "Si": 1 / 3})
    assert set(found.missing) == {"dynamics", "vdos", "mechanics"}
    assert "time between frames" in found.missing["dynamics"]
    assert "potential" in found.why_missing("bulk_modulus")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = measure([rattled("beta-cristobalite", size=2, amplitude=0.05)], only("structure"))
    file = tmp_path / "glass.json"
    found.write(file)
    again = Measurement.read(file)
    assert again.values == found.values
    assert again.conditions == found.conditions
    assert again.missing == found.missing
    assert again.by_sample == found.by_sample
    assert again.curves["s_neutron"].y == pytest.approx(found.curves["s_neutron"].y, rel=1e-7)
    assert "s_xray" in again.curves
    file.write_text(file.read_text()[:-400])
    with pytest.raises(DatasetError, match="no measurement"):
        Measurement.read(file)
    file.write_text('{"format": "another"}')
    with pytest.raises(DatasetError, match="conditions"):
        Measurement.read(file)


def groups_of(found: Measurement) -> set[str]:
    """The groups of which its names say that they are."""
    return {observable(name)[1].group for name in (*found.values, *found.curves)}


def only(*groups: str) -> MeasureOptions:
    return MeasureOptions.model_validate({"groups": groups, "structure": COARSE})


def test_groups_are_chosen_by_name() -> None:
    run = rattled("beta-cristobalite", size=2, amplitude=0.05)
    still = measure([run], only("structure"))
    assert not any(name.startswith("ring") for name in still.values)
    assert still.missing == {}
    assert "rings_king_6" in measure([run], only("rings")).values
    assert measure([run], only("dynamics")).values == {}


def test_one_atom_has_no_pairs() -> None:
    found = measure([Trajectory((Atoms("Ar", cell=[9.0] * 3, pbc=True),))], only("structure"))
    assert "pairs" in found.missing["structure"]


def test_options_of_before_equations_of_state_are_written_as_before() -> None:
    plain = only("mechanics").model_dump(mode="json")
    assert not {"equation_of_state", "volumes"} & plain.keys()
    asked = MeasureOptions(equation_of_state=True, volumes=(0.97, 1.03))
    assert MeasureOptions.model_validate(asked.model_dump(mode="json")) == asked
    with pytest.raises(ValidationError, match="no range"):
        MeasureOptions(window=(5.0, 2.0))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("alpha-quartz", (4.916, 4.916, 5.4054, 90, 90, 120)),
        ("stishovite", (4.1801, 4.1801, 2.6678, 90, 90, 90)),
        ("coesite", (7.1356, 12.3692, 7.1179, 90, 119.5646, 90)),  # a standard setting
    ],
)
def test_lattice_parameters_of_a_shaken_supercell(name: str, parameters: tuple[float, ...]) -> None:
    """As published; c of coesite is a + c of the paper: 7.1356, 7.1736 Å at 120.34 degrees."""
    run = rattled(name, size=2, amplitude=0.06, frames=8)
    found = measure([run], MeasureOptions(groups=("structure",), phase=name, structure=COARSE))
    names = [f"lattice_{one}" for one in ("a", "b", "c", "alpha", "beta", "gamma")]
    assert [found.values[one].value for one in names] == pytest.approx(parameters, abs=1e-3)
    verdicts = compare(found, shipped_references())
    assert {one.state for one in verdicts if one.name.startswith("lattice")} == {"inside"}


@pytest.mark.parametrize(
    "name",
    sorted({one.phase for one in shipped_references().values} - {"glass", "melt"}),
)
def test_crystals_as_published_are_inside_their_references(name: str) -> None:
    """Calculated ones aside, which differ from what is measured."""
    size = 1 if len(published(name)) > 60 else 2
    run = Trajectory((published(name, supercell=(size, size, size)),))
    found = measure([run], MeasureOptions(groups=("structure",), phase=name, structure=COARSE))
    judged = {
        one.name: one.state
        for one in compare(found, shipped_references())
        if isinstance(one.reference, Reference) and one.reference.method != "DFT"
    }
    assert judged.keys() >= {"density", "lattice_a"}
    assert set(judged.values()) == {"inside"}


def test_the_error_of_a_lattice_parameter_is_that_of_a_cell_that_breathes() -> None:
    """a of each frame scatters by 0.5 %, independently: its mean by that over the root of 20."""
    rng = np.random.default_rng(2)
    frames = []
    for atoms in rattled("stishovite", size=2, amplitude=0.02, frames=20).frames:
        atoms.set_cell(atoms.cell.array * (1 + 0.005 * rng.normal()), scale_atoms=True)
        frames.append(atoms)
    options = MeasureOptions(groups=("structure",), phase="stishovite", structure=COARSE)
    found = measure([Trajectory(tuple(frames))], options).values
    lengths = np.array([atoms.cell.lengths()[0] / 2 for atoms in frames])
    assert found["lattice_a"].value == pytest.approx(lengths.mean(), rel=1e-6)
    assert found["lattice_a"].error == pytest.approx(lengths.std(ddof=1) / np.sqrt(20), rel=0.3)
    assert (found["lattice_alpha"].value, found["lattice_alpha"].error) == (90.0, 0.0)
    one = measure([Trajectory(tuple(frames[:1]))], options).values["lattice_a"]
    assert one.error is None


def test_a_potential_gives_energy_moduli_and_modes() -> None:
    """Argon in a cell that is too large relaxes to the crystal of which all is known (matscipy)."""
    crystal = relaxed(argon(1), lennard_jones(), cell="isotropic", force=1e-8)
    analytic = crystal.calc.get_property("elastic_constants", crystal) / GPa
    bulk = (analytic[0, 0, 0, 0] + 2 * analytic[0, 0, 1, 1]) / 3
    samples = [Trajectory((argon(1, a=a),)) for a in (5.3, 5.35)]
    options = MeasureOptions(groups=("vibrations", "mechanics"), force=1e-5, max_frequency=5.0)
    found = measure(samples, options, calculator=lennard_jones())
    values = found.values
    assert values["bulk_modulus"].value == pytest.approx(bulk, rel=2e-3)
    assert values["density_at_rest"].value == pytest.approx(density(crystal), rel=1e-4)
    energy = crystal.get_potential_energy() / len(crystal)
    assert values["energy_at_rest"].value == pytest.approx(energy, abs=1e-6)
    assert [one["energy_at_rest"] for one in found.by_sample] == pytest.approx([energy] * 2)
    assert values["imaginary_modes"].value == 0.0
    shared = found.curves["participation_ratio"]
    assert (shared.x_unit, shared.n) == ("THz", 2) and 0.25 <= shared.y.min() <= shared.y.max() <= 1
    assert groups_of(found) == {"vibrations", "mechanics"}
    assert trapezoid(found.curves["vdos"].y, found.curves["vdos"].x) == pytest.approx(1.0, abs=0.02)


def test_moduli_under_pressure_are_those_under_pressure() -> None:
    """Argon at 2 GPa: Birch's coefficients (matscipy), and the slope of its own pressures."""
    options = MeasureOptions(groups=("mechanics",), force=1e-6, pressure=2.0)
    values = measure([Trajectory((argon(1),))], options, calculator=lennard_jones()).values
    squeezed = relaxed(argon(1), lennard_jones(), cell="isotropic", pressure=2.0, force=1e-8)
    assert -squeezed.get_stress()[:3] / GPa == pytest.approx([2.0] * 3, rel=1e-4)
    birch = squeezed.calc.get_property("birch_coefficients", squeezed) / GPa
    bulk = (birch[0, 0, 0, 0] + 2 * birch[0, 0, 1, 1]) / 3
    steps = compress(squeezed, lennard_jones(), volumes=(0.999, 1.001))
    slope = -np.diff(steps.pressures)[0] / np.diff(np.log(steps.volumes))[0]
    assert slope == pytest.approx(bulk, rel=1e-3)
    assert values["bulk_modulus"].value == pytest.approx(bulk, rel=2e-3)
    assert values["density_at_rest"].value == pytest.approx(density(squeezed), rel=1e-4)
    free = measure([Trajectory((argon(1),))], only("mechanics"), calculator=lennard_jones()).values
    assert values["bulk_modulus"].value > 3 * free["bulk_modulus"].value


def test_an_equation_of_state_is_measured_when_it_is_asked_for() -> None:
    """Of argon all is known: its bulk modulus is (C11 + 2 C12) / 3 (matscipy's constants)."""
    crystal = relaxed(argon(1), lennard_jones(), cell="isotropic", force=1e-8)
    analytic = crystal.calc.get_property("elastic_constants", crystal) / GPa
    bulk = (analytic[0, 0, 0, 0] + 2 * analytic[0, 0, 1, 1]) / 3
    samples = [Trajectory((argon(1, a=a),)) for a in (5.3, 5.35)]
    options = MeasureOptions(
        groups=("mechanics",), force=1e-5, phase="argon", equation_of_state=True,
        volumes=(0.98, 1.02),
    )  # fmt: skip
    found = measure(samples, options, calculator=lennard_jones())
    values, curve = found.values, found.curves["energy_volume"]
    assert values["eos_bulk_modulus"].value == pytest.approx(bulk, rel=5e-3)
    assert values["eos_volume"].value == pytest.approx(crystal.get_volume() / 4, rel=1e-3)
    assert values["eos_energy"].value == pytest.approx(values["energy_at_rest"].value, abs=1e-6)
    assert values["eos_residual"].value < 1e-6
    assert values["lattice_at_rest_a"].value == pytest.approx(crystal.cell.lengths()[0], rel=1e-4)
    assert values["lattice_at_rest_gamma"].value == 90.0
    assert curve.x / values["eos_volume"].value == pytest.approx(
        np.linspace(0.98, 1.02, 7), rel=1e-3
    )
    assert groups_of(found) == {"mechanics"}
    for name, one in values.items():
        assert observable(name)[1].unit == one.unit
    assert (curve.x_unit, curve.y_unit, curve.n) == ("Å3/atom", "eV/atom", 2)
    glass = measure(samples[:1], only("mechanics"), calculator=lennard_jones())
    assert not any(name.startswith(("lattice", "eos")) for name in glass.values)
    assert not glass.curves


def test_volumes_of_samples_are_averaged_with_their_energies() -> None:
    """Two crystals of another density, as glasses are: means at each volume relative to rest."""
    samples = [Trajectory((argon(1),)), Trajectory((holed(),))]
    options = MeasureOptions(groups=("mechanics",), equation_of_state=True, volumes=(0.98, 1.02))
    single = [
        measure([one], options, calculator=lennard_jones()).curves["energy_volume"]
        for one in samples
    ]
    both = measure(samples, options, calculator=lennard_jones()).curves["energy_volume"]
    assert np.abs(single[0].x / single[1].x - 1).min() > 0.01
    assert both.x == pytest.approx((single[0].x + single[1].x) / 2)
    assert both.y == pytest.approx((single[0].y + single[1].y) / 2)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"groups": ["structure"], "equation_of_state": True}, "group mechanics"),
        ({"pressure": 2.0, "equation_of_state": True}, "pressure of 0"),
        ({"volumes": (1.01, 1.06)}, "one below 1"),
    ],
)
def test_an_equation_of_state_that_cannot_be_is_refused(
    asked: dict[str, object], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        MeasureOptions.model_validate(asked)


def holed() -> Atoms:
    """Argon of which one atom in 32 is missing."""
    atoms = argon(2)
    del atoms[0]
    return atoms


class Enough(Exception):
    """Raised by who wants it to end."""


class Counting(FunctionCalculator):
    """Lennard-Jones argon that counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0
        truth = lennard_jones()

        def predict(atoms: Atoms) -> tuple[float, Array, Array]:
            self.calls += 1
            one = atoms.copy()
            one.calc = truth
            virial = virial_from_stress(one.get_stress(voigt=False), one.get_volume())
            return one.get_potential_energy(), one.get_forces(), virial

        super().__init__(predict)


@pytest.mark.parametrize("group", ["vibrations", "mechanics"])
def test_who_wants_it_to_end_is_heard_between_calls_of_the_potential(group: str) -> None:
    def after(calls: int) -> Callable[[], None]:
        def listen() -> None:
            if potential.calls >= calls:
                raise Enough

        return listen

    shaken = argon(1)
    shaken.rattle(0.1, seed=1)
    options = only(group).model_copy(update={"force": 1e-4, "max_frequency": 5.0})
    potential = Counting()
    measure([Trajectory((shaken,))], options, calculator=potential)
    whole = potential.calls
    assert whole > 24
    for calls in (1, whole // 2, whole - 3):
        potential = Counting()
        with pytest.raises(Enough):
            measure([Trajectory((shaken,))], options, calculator=potential, listen=after(calls))
        assert calls <= potential.calls <= calls + 2


def test_of_many_atoms_there_are_no_modes_and_it_is_said() -> None:
    options = MeasureOptions(groups=("vibrations",), max_frequency=5.0, modes_up_to=3)
    found = measure([Trajectory((argon(1),))], options, calculator=lennard_jones())
    assert not found.values and not found.curves
    assert found.missing["imaginary_modes"] == "4 atoms are more than `modes_up_to` (3): no modes"
    assert "than `modes_up_to` (3)" in found.missing["vdos"]
    assert "no velocities" in found.missing["vdos"]
    enough = options.model_copy(update={"modes_up_to": 4})
    found = measure([Trajectory((argon(1),))], enough, calculator=lennard_jones())
    assert found.values["imaginary_modes"].value == 0


def test_what_has_melted_has_no_lattice() -> None:
    run = rattled("alpha-quartz", size=2, amplitude=0.8, frames=1)
    found = measure([run], MeasureOptions(groups=("structure",), phase="alpha-quartz"))
    assert "no symmetry" in found.missing["lattice"]


def test_samples_of_two_glasses_are_refused() -> None:
    silica = rattled("beta-cristobalite", size=2, amplitude=0.05)
    silicon = silica.frames[0][silica.frames[0].numbers == 14]
    with pytest.raises(DatasetError, match="is of Si"):
        measure([silica, Trajectory((silicon,))])
    with pytest.raises(DatasetError, match="no sample"):
        measure([])


def test_what_never_occurred_may_be_rare() -> None:
    """None in n is a part below 3/n: 64 silicon, 128 oxygen a sample; two rings of six each."""
    samples = [rattled("beta-cristobalite", size=2, amplitude=0.02, seed=k) for k in (1, 2)]
    options = MeasureOptions(structure=COARSE, groups=("structure", "rings"))
    found = measure(samples, options).values
    for name, atoms in (("si5", 128), ("si4", 128), ("qn_3", 128), ("o1", 256), ("o2", 256)):
        assert (found[name].bar, found[name].n) == (pytest.approx(300 / atoms), atoms), name
    assert found["rings_king_3"].bar == pytest.approx(3 / 128)
    assert found["bridging_oxygen"].bar == pytest.approx(300 / 256)
    (alone,) = (measure([one], options).values for one in samples[:1])
    assert alone["si5"].error is None
    crystal = measure(samples, options.model_copy(update={"phase": "beta-cristobalite"})).values
    assert crystal["si5"].error == 0.0


def test_scatter_that_says_more_than_the_count_stays() -> None:
    """A broken bond in one sample of two: 12.7 standard errors are wider than three atoms."""
    whole, broken = (rattled("beta-cristobalite", size=2, amplitude=0.02, seed=k) for k in (1, 2))
    atoms = broken.frames[0].copy()
    silicon = int(np.flatnonzero(atoms.numbers == 14)[0])
    atoms.positions[silicon] += 0.9  # Å along the diagonal: away from one oxygen at least
    found = measure([whole, Trajectory((atoms,))], only("structure")).values
    assert found["si4"].n == 2
    assert found["si4"].bar > 3 * 100 / 128


def test_a_sample_that_could_not_be_measured_is_no_zero() -> None:
    """All silicon is fourfold in cristobalite, also where one cell is too small for r_max."""
    small, large = (rattled("beta-cristobalite", size=n, amplitude=0.02) for n in (1, 2))
    options = MeasureOptions(groups=("structure",), structure=StructureOptions(r_max=6.0))
    found = measure([large, small], options)
    assert found.missing["structure"].startswith("sample 2")
    assert found.values["si4"].value == 100.0


def test_what_one_sample_lacks_stands_in_its_place() -> None:
    one = Part(values={"rings_king_3": Estimate(1.0, None, 1), "overlaps": Estimate(0.0, None, 1)})
    other = Part(values={f"rings_king_{n}": Estimate(1.0, None, 1) for n in (10, 3, 2)})
    mean = mean_of([one, other])
    assert list(mean.values) == ["rings_king_2", "rings_king_3", "rings_king_10", "overlaps"]
    assert mean.values["rings_king_10"].value == 0.5


def test_the_error_of_a_temperature_knows_of_correlation() -> None:
    """Each frame ten times over tells no more than once: the error is not root ten smaller."""
    generator = np.random.default_rng(3)
    frames = []
    for _ in range(64):
        atoms = argon(2)
        atoms.set_velocities(generator.normal(size=(len(atoms), 3)))
        frames.append(atoms)
    once = measure([Trajectory(tuple(frames))], MeasureOptions(groups=("mechanics",)))
    often = Trajectory(tuple(atoms for atoms in frames for _ in range(10)))
    again = measure([often], MeasureOptions(groups=("mechanics",)))
    assert again.values["temperature"].error == pytest.approx(
        once.values["temperature"].error, rel=0.3
    )


def test_every_name_of_the_docs_is_understood() -> None:
    for one in OBSERVABLES:
        name = one.form
        for part, example in (
            ("<pair>", "Si-O"),
            ("<angle>", "Si-O-Si"),
            ("<X>", "Na"),
            ("<species>", "si5"),
            ("[abc]", "c"),
        ):
            name = name.replace(part, example)
        name = name.replace("<n>", "4").replace("<criterion>", "king")
        name = name.replace("<axis>", "c").replace("<greek>", "beta")
        assert observable(name) == (name, one)
        assert re.fullmatch("[A-Za-z0-9_-]+", name)
