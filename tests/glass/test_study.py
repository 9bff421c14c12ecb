"""What made glasses tell: of tables whose answer is known, and of BKS silica by another route."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from math import exp, log10
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from ase.units import kB
from pydantic import ValidationError
from typer.testing import CliRunner

from al_loop.cli.glass import app
from al_loop.errors import DatasetError, JobFolderError, UserError
from al_loop.glass import Measurement, measure, read_trajectory
from al_loop.glass.compare import from_measurement, judge, parse_gates
from al_loop.glass.estimate import Estimate
from al_loop.glass.make import (
    Classical,
    GlassResult,
    Protocol,
    SegmentResult,
    collect_glass,
    load_protocol,
    run_glass_job,
    segments_of,
    stage_glass_job,
)
from al_loop.glass.make.outputs import COLUMNS, UNITS
from al_loop.glass.make.steps import Hold
from al_loop.glass.mechanics import (
    bulk_modulus_from_pressures,
    compress,
    static_pull,
    tensile_moduli,
)
from al_loop.glass.study import StudyOptions, study_variant, trends
from al_loop.jobfolder import Clock
from al_loop.pair_sums import pair_calculator
from al_loop.units import Array

WALKERS = Atoms(["Li"] * 40 + ["O"] * 80, cell=[40.0] * 3, pbc=True)


def told(
    folder: Path,
    steps: list[dict[str, Any]],
    *,
    averages: dict[str, dict[str, float]] | None = None,
    tables: dict[str, dict[str, Array]] | None = None,
    start: dict[str, Any] | None = None,
    end: Atoms = WALKERS,
) -> GlassResult:
    """A sample of a protocol whose numbers are given, as if LAMMPS had made it."""
    protocol = Protocol.model_validate(
        {
            "name": "known",
            "start": start or {"kind": "pack", "formula": "SiO2", "atoms": 6, "density": 2.2},
            "steps": steps,
        }
    )
    found = []
    for segment in segments_of(protocol):
        numbers = dict.fromkeys(UNITS, 1.0) | (averages or {}).get(segment.name, {})
        table = folder / f"{segment.name}.thermo.csv"
        if segment.name in (tables or {}):
            columns = {**dict.fromkeys(COLUMNS, 0.0), **(tables or {})[segment.name]}
            rows = np.column_stack(np.broadcast_arrays(*(columns[name] for name in COLUMNS)))
            np.savetxt(table, rows, delimiter=",", header=",".join(COLUMNS), comments="")
        found.append(
            SegmentResult(
                segment,
                {name: Estimate(value, 0.01, 50, UNITS[name]) for name, value in numbers.items()},
                end,
                folder / f"{segment.name}.traj",
                table,
                protocol.timestep,
            )
        )
    bks = Classical(name="bks")
    return GlassResult(protocol, bks, 0, tuple(found), "completed", "", end)


def along(start: float, end: float, ps: float, points: int = 400) -> tuple[Array, Array]:
    """MD steps of 1 fs and temperatures of a ramp."""
    share = np.linspace(0.0, 1.0, points)
    return np.rint(share * ps * 1000), start + (end - start) * share


QUIET = StudyOptions(diffusion=False, structure=False)


def test_a_kink_and_an_expansion_that_were_put_in_are_found(tmp_path: Path) -> None:
    """In two stages of different rates, with noise in the temperature that would flatten slopes."""
    generator = np.random.default_rng(1)
    n, tables = len(WALKERS), {}
    for name, ends, ps in (("quench", (3000, 1800), 1200), ("quench-2", (1800, 300), 150)):
        step, t = along(*ends, ps)
        energy = np.where(t > 1500, 3e-4 * (t - 1500), 1e-4 * (t - 1500))
        tables[name] = {
            "step": step,
            "temperature": t * (1 + generator.normal(0, 0.1, len(t))),
            "energy": n * (energy + generator.normal(0, 2e-3, len(t))),
            "volume": n * 15.0 * np.exp(2e-5 * t),
        }
    made = told(
        tmp_path,
        [
            {"do": "hold", "temperature": 3000, "ps": 10},
            {"do": "quench", "to": 1800, "rate": 1, "ensemble": "npt"},
            {"do": "quench", "to": 300, "rate": 10, "ensemble": "npt"},
            {"do": "hold", "name": "glass", "ps": 10, "ensemble": "npt"},
        ],
        tables=tables,
        averages={"glass": {"density": 2.2}, "hold": {"density": 2.0}},
    )
    options = StudyOptions(diffusion=False, structure=False, expansion=(300, 1000))
    found = study_variant("known", {"s": made}, options)
    values = found.measurement.values
    kink = values["fictive_temperature"]
    assert kink.error is not None and kink.error < 40
    assert kink.value == pytest.approx(1500, abs=3 * kink.error)
    assert values["thermal_expansion"].value == pytest.approx(2e-5, rel=1e-6)
    assert values["density"].value == 2.2  # of the hold that is nearest to 300 K
    assert (found.rate, found.measurement.conditions.temperature) == (1.0, 300.0)
    curve = found.measurement.curves["energy_cooling"]
    assert (np.diff(curve.x) > 0).all() and (curve.x_unit, curve.y_unit) == ("K", "eV/atom")
    told_by_range = StudyOptions(
        diffusion=False, structure=False, glass=(300, 1200), melt=(1800, 3000)
    )
    again = study_variant("known", {"s": made}, told_by_range).measurement
    assert again.values["fictive_temperature"].value == pytest.approx(1500, abs=60)
    assert "thermal_expansion" not in again.values  # a glass softens: only where a range is given


def test_a_crystal_that_is_heated_expands_and_pressure_counts(tmp_path: Path) -> None:
    step, t = along(300, 1300, 100)
    n = len(WALKERS)
    volume = 15.0 * np.exp(3e-5 * t)
    heat = {"step": step, "energy": n * 1e-4 * t, "volume": n * volume}
    made = told(
        tmp_path,
        [
            {"do": "hold", "temperature": 300, "ps": 10},
            {"do": "heat", "to": 1300, "rate": 10, "ensemble": "npt", "pressure": 2.0},
        ],
        tables={"heat": heat},
        start={"kind": "crystal", "name": "alpha-quartz"},
    )
    found = study_variant("known", {"s": made}, replace_phase(QUIET, "glass")).measurement
    assert found.values["thermal_expansion"].value == pytest.approx(3e-5, rel=1e-6)
    curve = found.curves["energy_heating"]
    pv = 2.0 / 160.21766 * 15.0 * np.exp(3e-5 * curve.x)  # GPa Å3 in eV
    assert curve.y == pytest.approx(1e-4 * curve.x + pv, abs=1e-5)


def replace_phase(options: StudyOptions, phase: str) -> StudyOptions:
    return options.model_copy(update={"phase": phase})


def test_moduli_of_a_solid_whose_moduli_are_known(tmp_path: Path) -> None:
    """K = 40 GPa with K' = 0 in ln V, E = 70 GPa, Poisson's ratio 0.2."""
    averages = {
        f"compress-{p}GPa-relax": {"volume": 15.0 * exp(-p / 40), "density": 2.2 * exp(p / 40)}
        for p in range(15)
    }
    for k, axis in enumerate("xyz"):
        for pc in range(4):
            lengths = {f"l{one}": 20.0 * (1 - 0.2 * pc / 100) for one in "xyz"}
            lengths[f"l{axis}"] = 20.0 * (1 + pc / 100)
            stress = {f"stress_{axis}": 0.70 * pc + 0.3 * k}  # what was there before: no slope
            averages[f"strain-{axis}-{pc}pc-hold"] = lengths | stress
    made = told(
        tmp_path,
        [
            {"do": "hold", "temperature": 300, "ps": 10},
            {"do": "compress", "to": 14, "by": 2},
            {"do": "strain", "after": "hold"},
        ],
        averages=averages,
    )
    found = study_variant("known", {"a": made, "b": made}, QUIET).measurement
    assert found.values["bulk_modulus"].value == pytest.approx(40.0)
    assert found.values["young_modulus"].value == pytest.approx(70.0)
    assert found.values["poisson_ratio"].value == pytest.approx(0.2)
    assert found.curves["density_pressure"].x.tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert found.curves["density_pressure"].y[-1] == pytest.approx(2.2 * exp(14 / 40))
    assert found.curves["stress_strain"].x == pytest.approx([0.0, 0.01, 0.02, 0.03])
    (passed,) = judge(
        parse_gates({"young": "60 to 80 GPa"}), found, from_measurement(found, source="itself")
    )
    assert passed.state == "passed"


def test_walkers_hop_with_the_activation_energy_that_was_put_in(tmp_path: Path) -> None:
    """Lithium walks at random, D = 1e-3 exp(-0.3 eV/kT) cm2/s; oxygen rattles in its place."""
    generator = np.random.default_rng(3)
    steps, ps, barrier = [], 40.0, 0.3
    for kelvin in (1000, 1250, 1600):
        steps.append({"do": "hold", "name": f"at-{kelvin}", "temperature": kelvin, "ps": ps})
        diffusion = 1e-3 * exp(-barrier / (kB * kelvin)) * 1e4  # Å²/ps
        hops = generator.normal(0.0, np.sqrt(2 * diffusion * 0.1), (401, 40, 3))
        places = np.empty((401, 120, 3))
        places[:, :40] = np.cumsum(hops, axis=0)
        places[:, 40:] = 20 + generator.normal(0, 0.1, (401, 80, 3))
        frames = [WALKERS.copy() for _ in places]
        for atoms, here in zip(frames, places, strict=True):
            atoms.positions = here
        write(tmp_path / f"at-{kelvin}.traj", frames)
    for one in steps:
        one["frames"] = 0.1
    made = told(tmp_path, steps)
    options = StudyOptions(temperature=1600.0, charges={"Li": 1.0})
    found = study_variant("known", {"s": made}, options).measurement
    barrier_found = found.values["activation_energy_Li"]
    assert barrier_found.error is not None and barrier_found.error < 0.06
    assert barrier_found.value == pytest.approx(barrier, abs=3 * barrier_found.error)
    assert found.curves["diffusion_temperature_Li"].x.tolist() == [1000, 1250, 1600]
    hot = found.values["diffusion_Li"]
    assert hot.value == found.curves["diffusion_temperature_Li"].y[-1]
    assert "activation_energy_O" not in found.values and "diffusion_O" not in found.values
    assert found.values["conductivity"].value > 0
    assert "cannot be told from zero" in found.missing["haven_ratio"]  # its late window: noise
    early = options.model_copy(update={"window": (0.2, 2.0)})
    haven = study_variant("known", {"s": made}, early).measurement.values["haven_ratio"]
    assert haven.error is not None and haven.error < 0.3
    assert abs(haven.value - 1.0) < 3 * haven.error  # each walks by itself


def caged(*, seed: int, frames: int) -> Array:
    """Lithium (frames, 40, 3) in cages of <x²> 0.2 Å² that walk, D = 0.05 Å²/ps; 0.1 ps a frame.

    MSD = 6 D t + 6 * 0.2 Å² (1 - exp(-t / 2 ps)): Ornstein and Uhlenbeck on top of a walk.
    """
    generator = np.random.default_rng(seed)
    keep = exp(-0.1 / 2.0)
    inside = np.empty((frames, 40, 3))
    inside[0] = generator.normal(0.0, np.sqrt(0.2), (40, 3))
    for t in range(1, frames):
        kick = generator.normal(0.0, np.sqrt(0.2 * (1 - keep**2)), (40, 3))
        inside[t] = keep * inside[t - 1] + kick
    walks = np.cumsum(generator.normal(0.0, np.sqrt(2 * 0.05 * 0.1), (frames, 40, 3)), axis=0)
    return inside + walks


def test_a_hold_is_fitted_in_its_window_and_without_its_start(tmp_path: Path) -> None:
    """Ions leave their cages in 10 ps and were flying for 5 ps before: D is that of later times."""
    places = np.full((601, 120, 3), 20.0)
    places[:, :40] = caged(seed=5, frames=601)
    flying = np.random.default_rng(1).normal(0.0, 20.0, (40, 3))  # Å/ps
    places[:51, :40] = places[50, :40] + 0.1 * np.arange(-50, 1)[:, None, None] * flying
    frames = [WALKERS.copy() for _ in places]
    for atoms, here in zip(frames, places, strict=True):
        atoms.positions = here
    write(tmp_path / "hold.traj", frames)
    hold = {"do": "hold", "temperature": 1000, "ps": 60, "frames": 0.1}

    def study(protocol: tuple[float, float], **options: Any) -> Measurement:
        made = told(tmp_path, [hold | {"msd_window": protocol}])
        asked = StudyOptions.model_validate({"temperature": 1000.0} | options)
        return study_variant("known", {"s": made}, asked).measurement

    late = study((10.0, 18.0), skip=5.0).values["diffusion_Li"]
    assert late.error is not None and late.error < 0.15e-4 / 3
    assert abs(late.value - 0.05e-4) < 3 * late.error
    early = study((0.2, 1.0), skip=5.0).values["diffusion_Li"]
    assert early.value > 2 * 0.05e-4  # in the cage
    asked = study((0.2, 1.0), skip=5.0, window=(10.0, 18.0))  # what is asked for goes first
    assert asked.values["diffusion_Li"] == late
    flown = study((10.0, 18.0)).missing["diffusion_Li"]  # what a flight adds does not grow with t
    assert "does not diffuse: from 10 to 18 ps" in flown
    assert "60 ps leave nothing of hold" in study((10.0, 18.0), skip=60.0).missing["dynamics"]


def test_the_paper_s_window_is_in_its_protocol() -> None:
    hold = load_protocol("lithium-diffusion").steps[-1]
    assert isinstance(hold, Hold) and hold.msd_window == (50.0, 150.0)
    assert Hold.model_validate(hold.model_dump()) == hold
    plain = hold.model_copy(update={"msd_window": None})
    assert "msd_window" not in plain.model_dump(mode="json")  # its job is that of earlier versions
    with pytest.raises(ValidationError, match="50 to 150 ps is no range within 100 ps"):
        Hold.model_validate(hold.model_dump() | {"ps": 100.0})
    with pytest.raises(ValidationError, match="window: from 5 to 2 ps is no range"):
        StudyOptions(window=(5.0, 2.0))
    with pytest.raises(ValidationError, match="no element Foo"):
        StudyOptions(charges={"Foo": 1.0})
    with pytest.raises(ValidationError, match="SiO"):
        StudyOptions(cutoffs={"SiO": 2.0})


def test_a_density_that_grows_with_slowness_has_its_slope_a_decade(tmp_path: Path) -> None:
    variants = []
    for rate in (0.1, 1.0, 10.0):
        (folder := tmp_path / f"{rate:g}").mkdir()
        made = told(
            folder,
            [
                {"do": "hold", "temperature": 3000, "ps": 1},
                {"do": "quench", "to": 300, "rate": rate},
                {"do": "hold", "name": "glass", "ps": 1},
            ],
            averages={"glass": {"density": 2.3 - 0.02 * log10(rate)}},
            tables={"quench": {"step": np.arange(3.0)}},
        )
        variants.append(study_variant(f"{rate:g}", {"s": made}, QUIET))
    (trend,) = trends(variants)
    assert (trend.name, trend.over, trend.at) == ("density", "rate", (0.1, 1.0, 10.0))
    assert trend.slope.value == pytest.approx(-0.02)
    assert trend.slope.error == pytest.approx(0.01 / np.sqrt(2))
    assert "120 atoms" in trend.of
    assert "too few" in variants[0].measurement.missing["energy_cooling"]
    assert trends(variants[:2]) == ()


def test_samples_that_were_not_completed_are_left_out_and_told(tmp_path: Path) -> None:
    made = told(tmp_path, [{"do": "hold", "temperature": 300, "ps": 10}])
    lost = replace(made, stop="exploded", detail="hold: 2 atoms lost")
    found = study_variant("known", {"a": made, "b": lost}, QUIET)
    assert found.left_out == ("b: exploded: hold: 2 atoms lost",)
    assert found.measurement.conditions.sources == ("a",)
    with pytest.raises(DatasetError, match="2 atoms lost"):
        study_variant("known", {"b": lost}, QUIET)
    still = told(tmp_path, [{"do": "relax"}])
    with pytest.raises(DatasetError, match="no step holds a temperature"):
        study_variant("known", {"a": still}, QUIET)


COLD = Protocol.model_validate(
    {
        "name": "cold",
        "start": {"kind": "file"},
        "timestep": 2.0,
        "frames": 0.5,
        "thermo": 0.02,
        "thermostat": 50,
        "barostat": 500,
        "steps": [
            {"do": "relax", "cell": "aniso", "force": 0.001},
            {"do": "hold", "name": "rest", "temperature": 5, "ps": 1, "ensemble": "npt"},
            {"do": "compress", "to": 0.6, "by": 0.2, "ramp": 0.5, "relax": 0.6, "measure": 0},
            {"do": "strain", "after": "rest", "axes": ["x"], "to": 0.01, "by": 0.005,
             "ramp": 0.5, "hold": 1},
        ],
    }
)  # fmt: skip


@pytest.mark.engine
def test_bks_silica_in_lammps_has_the_moduli_of_its_statics(tmp_path: Path) -> None:
    """MD at 5 K against relaxations by our own sums: another program, another method."""
    glass = read_trajectory(Path(__file__).with_name("silica-rates.extxyz")).frames[0]
    job = stage_glass_job(
        tmp_path / "made" / "sample-0",
        protocol=COLD,
        potential=Classical(name="bks"),
        sample=0,
        start=glass,
    )
    run_glass_job(job, Clock())
    rest = collect_glass(job)["relax"].end
    words = ["study", str(tmp_path / "made"), "--temperature", "5", "--no-diffusion"]
    runner = CliRunner()
    out, tables = str(tmp_path / "out"), str(tmp_path / "tables")
    shown = runner.invoke(app, [*words, "-o", out, "--tables", tables])
    assert shown.exit_code == 0, shown.output
    assert "bulk_modulus" in shown.output and "compress-0.6GPa-relax" in shown.output
    found = Measurement.read(tmp_path / "out" / "cold.json")

    bks = pair_calculator("bks")
    rest.calc = bks
    at_rest = found.values["energy_at_rest"].value
    assert at_rest == pytest.approx(rest.get_potential_energy() / 72, abs=1e-4)
    static = compress(rest, bks, volumes=(0.985, 0.99, 0.995, 1.0), force=1e-3)
    bulk = bulk_modulus_from_pressures(static.pressures, static.volumes, degree=2)
    assert found.values["bulk_modulus"].value == pytest.approx(bulk.value, rel=0.25)
    pull = static_pull(rest, bks, 0, strains=(0.0, 0.005, 0.01), force=1e-3)
    moduli = tensile_moduli([pull])
    assert found.values["young_modulus"].value == pytest.approx(moduli["young"].value, rel=0.25)

    by_hand = measure([read_trajectory(tmp_path / "made" / "sample-0" / "rest.lammpstrj", start=1)])
    for name in ("si4", "length_Si-O", "angle_Si-O-Si_mean", "coordination_Si-O"):
        assert found.values[name] == by_hand.values[name], name
    assert found.curves["coordination_Si-O_pressure"].x == pytest.approx([0.0, 0.2, 0.4, 0.6])
    page = str(tmp_path / "page.html")
    drawn = runner.invoke(app, ["report", str(tmp_path / "out" / "cold.json"), "-o", page])
    assert drawn.exit_code == 0 and "coordination Si-O under pressure" in Path(page).read_text()

    plain = json.loads(runner.invoke(app, [*words, "--json"]).output)
    assert plain["variants"][0]["measurement"]["values"]["bulk_modulus"]["unit"] == "GPa"
    assert "rest" in plain["variants"][0]["states"]
    with (tmp_path / "tables" / "study.csv").open() as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream)}
    assert float(rows["bulk_modulus"]["value"]) == pytest.approx(
        found.values["bulk_modulus"].value, rel=1e-6
    )
    assert (tmp_path / "tables" / "cold" / "density_pressure.csv").is_file()


def test_a_folder_without_glasses_is_told(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["study", str(tmp_path), "--window", "5", "2"])
    assert isinstance(ran.exception, UserError)
    assert ran.exception.what == "window: from 5 to 2 ps is no range"
    ran = CliRunner().invoke(app, ["study", str(tmp_path), "--skip", "2"])
    assert isinstance(ran.exception, JobFolderError)
    assert "no glass" in ran.exception.what
