"""Glasses of a campaign by a protocol of `al-loop glass make`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_loop.campaign import CampaignSpec, dump_campaign, parse_campaign
from al_loop.errors import UserError
from al_loop.frame import frame_hash, read_frames
from al_loop.glass.make import Classical, Network, run_glass_job, segments_of, stage_glass_job
from al_loop.glass.make.stage import GlassParams
from al_loop.hashing import derive_seed
from al_loop.jobfolder import Clock, JobFolder
from al_loop.launch.submit import register
from al_loop.loop.check import check_campaign
from al_loop.loop.context import Context
from al_loop.loop.gates_check import check_gates, conditions_of
from al_loop.loop.jobs import run_job
from al_loop.loop.protocols import collect_protocol, planned_of
from al_loop.loop.stages.validate import Validate
from al_loop.report.methods.text import _glass
from al_loop.store import IterationRecord, JobRecord, Store
from tests.campaigns import REAL
from tests.store.records import model

NAME = "mine"
PROTOCOL = """\
name: short
start: {kind: pack, oxides: {Na2O: 30, SiO2: 70}, atoms: 1500, density: 2.5}
samples: 7
thermo: 0.01
thermostat: 20
steps:
  - {do: hold, name: seed, temperature: 3000, ps: 0.02, under: bks, frames: 0.01}
  - {do: relax, name: rest}
  - {do: hold, name: melt, temperature: 2000, ps: 0.1, frames: 0.01}
  - {do: quench, to: 500, rate: 7500, frames: 0.01}
  - {do: hold, name: glass, ps: 0.2, ensemble: npt, pressure: 1, frames: 0.02, velocities: true}
"""


def spec_with(folder: Path, **changes: Any) -> CampaignSpec:
    """A campaign of DeePMD-kit whose silica is made by a protocol beside its file."""
    (folder / "short.yaml").write_text(PROTOCOL)
    system = {"formula": "SiO2", "atoms": 72, "density": 2.2, "protocol": "short.yaml"}
    data = dump_campaign(parse_campaign(REAL.format(name=NAME)))
    data["validate"] = {
        "systems": {"silica": {**system, **changes.pop("system", {})}},
        "measure": ["structure"],
        "samples": 1,
        **changes.pop("validate", {}),
    }
    data["converge"]["glass"] = changes.pop("gates", {"density": "1 to 4 g/cm3"})
    return CampaignSpec.model_validate(data | {"folder": str(folder / NAME)} | changes)


def test_the_box_is_the_systems_and_the_steps_are_the_protocols(tmp_path: Path) -> None:
    spec = spec_with(tmp_path)
    planned = planned_of(spec, "silica", base=tmp_path)
    assert planned is not None
    protocol = planned.protocol
    (box,) = (protocol.start.build(seed) for seed in [1])  # type: ignore[union-attr]
    assert box.get_chemical_formula() == "O48Si24"
    assert [one.name for one in segments_of(protocol)] == [
        "seed",
        "rest",
        "melt",
        "quench",
        "glass",
    ]
    assert protocol.seed == derive_seed(spec.seed, "glass", "silica")
    assert planned.steps == 20 + 100 + 200 + 200
    conditions = conditions_of(spec, "silica", base=tmp_path)
    assert (conditions.temperature, conditions.pressure, conditions.frames) == (500.0, 1.0, (9,))
    other = spec_with(tmp_path, system={"protocol": None})
    assert planned_of(other, "silica", base=tmp_path) is None


def test_a_name_is_that_of_a_protocol_that_ships(tmp_path: Path) -> None:
    spec = spec_with(tmp_path, system={"protocol": "silica-melt-quench"})
    planned = planned_of(spec, "silica", base=tmp_path)
    assert planned is not None and planned.last.name == "glass"
    assert planned.protocol.start.atoms == 72  # type: ignore[union-attr]
    (tmp_path / "silica-melt-quench").write_text(PROTOCOL)  # the file goes before
    planned = planned_of(spec, "silica", base=tmp_path)
    assert planned is not None and planned.last.temperature == (500.0, 500.0)
    said = _glass(spec.validation)  # type: ignore[arg-type]
    assert "The protocol silica-melt-quench made silica." in said and "melted" not in said


HOLD = (
    "{do: hold, name: glass, ps: 0.2, ensemble: npt, pressure: 1, frames: 0.02, velocities: true}"
)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("vibrations", None, "begins with a file"),
        ("alpha-quartz", None, "begins with a crystal"),
        ("cooling-rates", None, "cooling rates"),
        ("none.yaml", None, "no protocol"),
        ("mine.yaml", PROTOCOL.replace("do: quench", "do: squash"), "squash"),
        (
            "mine.yaml",
            PROTOCOL.replace(HOLD, "{do: relax}").replace("name: melt", "under: bks, name: melt"),
            "no hold",
        ),
        ("mine.yaml", PROTOCOL.replace("frames: 0.02", "frames: 0.2"), "no hold of two frames"),
    ],
)
def test_a_protocol_by_which_no_glass_can_be_measured_is_refused(
    tmp_path: Path, name: str, text: str | None, words: str
) -> None:
    if text:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        check_gates(spec_with(tmp_path, system={"protocol": name}), base=tmp_path)
    assert str(caught.value.where).startswith("validate.systems.silica.protocol")


def test_lammps_has_to_run_the_model_and_its_dispersion(tmp_path: Path) -> None:
    linear = {"engine": "linear", "members": 2}
    with pytest.raises(UserError, match=r"train\.engine linear makes linear ones"):
        check_gates(spec_with(tmp_path, train=linear), base=tmp_path)
    d3 = {"where": "md", "functional": "r2scan"}
    label = {"engine": "pair"}
    with pytest.raises(ValueError, match="knows only D3 of"):  # the explorer, LAMMPS, says it first
        spec_with(tmp_path, dispersion=d3, label=label)
    ase = {**dump_campaign(spec_with(tmp_path))["explore"], "engine": "ase", "options": {}}
    spec = spec_with(tmp_path, dispersion=d3, label=label, explore=ase)
    with pytest.raises(UserError, match="no D3 parameters of r2scan"):
        check_gates(spec, base=tmp_path)


@pytest.mark.parametrize(
    ("interval", "gate", "words"),
    [
        ("0.01", {"vdos_neutron": "10 %"}, None),
        ("0.02", {"vdos_neutron": "10 %"}, "velocities are 0.02 ps apart, 0.01 ps or less"),
        ("0.01", {"imaginary_modes": "<= 0"}, "comes from the modes"),
    ],
)
def test_velocities_that_are_kept_often_enough_give_a_density_of_states(
    tmp_path: Path, interval: str, gate: dict[str, str], words: str | None
) -> None:
    (tmp_path / "mine.csv").write_text(
        "# name: vdos_neutron\n# composition: SiO2\n# temperature: 500\n# pressure: 1\n"
        "# source: mine\nf (THz), G (1/THz)\n1,0.1\n2,0.2\n3,0.1\n"
    )
    wish = {"measure": ["vibrations"], "modes_up_to": 71, "references": ["mine.csv"]}
    spec = spec_with(tmp_path, system={"protocol": "often.yaml"}, validate=wish, gates=gate)
    (tmp_path / "often.yaml").write_text(PROTOCOL.replace("frames: 0.02", f"frames: {interval}"))
    if words is None:
        check_gates(spec, base=tmp_path)
        return
    with pytest.raises(UserError, match=words):
        check_gates(spec, base=tmp_path)


def made_under_bks(folder: Path, spec: CampaignSpec, base: Path) -> JobFolder:
    """The same job under a potential that needs no training, run to its end."""
    planned = planned_of(spec, "silica", base=base)
    assert planned is not None
    job = stage_glass_job(
        folder, protocol=planned.protocol, potential=Classical(name="bks"), sample=0
    )
    run_glass_job(job, Clock())
    return job


@pytest.mark.engine
def test_states_and_glass_of_a_job(tmp_path: Path) -> None:
    made = collect_protocol(made_under_bks(tmp_path / "job", spec_with(tmp_path), tmp_path))
    assert made.stop == "completed" and made.frames == 9 and made.interval == pytest.approx(0.02)
    phases = [state.phase for state, _ in made.states]
    heat = [state.temperature for state, _ in made.states]
    assert phases == sorted(phases, key=["melt", "path", "glass"].index)
    assert set(phases) == {"melt", "path", "glass"} and phases.count("glass") == 1
    assert heat == sorted(heat, reverse=True) and (heat[0], heat[-1]) == (2000.0, 500.0)
    assert len(heat) == 11 + 21 + 1  # every 0.01 ps under the model, none of the seed's
    assert {state.deviation for state, _ in made.states} == {None}
    assert made.glass is not None
    frames = read_frames(made.glass)
    assert len(frames) == 9
    kelvin = np.mean([atoms.get_temperature() for atoms in frames])
    assert 250 < kelvin < 1000  # velocities are kept; 72 atoms, a fast thermostat, 500 K
    volumes = {round(float(atoms.get_volume()), 6) for atoms in frames}
    assert len(volumes) == 9  # npt
    assert math.isclose(frames[-1].get_volume(), made.states[-1][1].get_volume(), rel_tol=1e-6)


@pytest.mark.engine
def test_a_campaign_makes_measures_and_judges_them(store: Store, tmp_path: Path) -> None:
    d3 = {"where": "md", "functional": "pbe"}
    spec = spec_with(tmp_path, dispersion=d3, label={"engine": "pair"})
    assert check_campaign(spec, base=tmp_path).validating.steps == 520  # type: ignore[union-attr]
    register(store, spec, base=tmp_path)
    store.iterations.open(NAME, 0, "train", when=store.clock())
    store.iterations.move(NAME, 0, from_stage="train", to_stage="done", decision="converged")
    store.iterations.open(NAME, 1, "train", when=store.clock())
    store.iterations.move(NAME, 1, from_stage="train", to_stage="validate")
    file = store.files.put_bytes(b"no real model", name="graph.pb")
    store.models.put(
        model(1, campaign=NAME, files={"graph.pb": file}, model="graph.pb", errors=None)
    )
    ctx = Context(store, NAME)
    stage, iteration = Validate(), latest(store)
    (planned,) = stage.plan(ctx, iteration)
    job = JobRecord(
        campaign=NAME, iteration=1, stage="validate", name=planned.name, items=planned.items
    )
    stage.write(ctx, job)
    params = ctx.folder_of(job).params("glass", GlassParams)
    assert isinstance(params.potential, Network)
    assert params.potential.dispersion == spec.dispersion.d3  # type: ignore[union-attr]
    assert (ctx.folder_of(job).path / params.potential.model).read_bytes() == b"no real model"
    written = json.loads((ctx.folder_of(job).path / "job.json").read_text())
    stage.write(ctx, job)  # again, the same
    assert json.loads((ctx.folder_of(job).path / "job.json").read_text()) == written

    (ctx.folder_of(job).path / "job.json").unlink()  # what comes of it, under another potential
    made_under_bks(ctx.folder_of(job).path, spec, tmp_path)
    assert stage.ingest(ctx, job) == []
    (glass,) = store.glasses.of_iteration(NAME, 1)
    assert (glass.stop, glass.frames, glass.interval) == ("completed", 9, pytest.approx(0.02))
    frames = store.frames.get_many(one.frame for one in glass.states)
    assert {frame_hash(atoms) for atoms in frames.values()} == set(frames)
    (measure,) = [one for one in stage.plan(ctx, latest(store)) if one.name.startswith("measure")]
    job = JobRecord(
        campaign=NAME, iteration=1, stage="validate", name=measure.name, items=measure.items
    )
    stage.write(ctx, job)
    run_job(ctx.folder_of(job).path)
    stage.ingest(ctx, job)
    (found,) = store.glasses.measured(NAME, 1).values()
    values = {one.name: one.value for one in found.values}
    assert 1.5 < values["density"] < 3.5 and "si4" in values


def latest(store: Store) -> IterationRecord:
    found = store.iterations.latest(NAME)
    assert found is not None
    return found
