"""Glasses that a campaign makes by a protocol of `al-loop glass make`, under its best model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ase import Atoms

from al_loop.campaign import CampaignSpec, engine_class
from al_loop.errors import UserError
from al_loop.explore import Committee
from al_loop.frame import write_frames
from al_loop.hashing import derive_seed
from al_loop.jobfolder import JobFolder
from al_loop.lammps.data import DISPERSION_FUNCTIONALS
from al_loop.loop.glassmaking import GLASS, Made, Phase, State
from al_loop.loop.method import added_in_md
from al_loop.loop.quenching import explorer_of, options_of
from al_loop.loop.validating import SETTLING, WAY_SAMPLES

if TYPE_CHECKING:
    from al_loop.glass.make import GlassResult, Protocol, Segment

_FORMAT = "deepmd"
"""Models that LAMMPS runs in such a job."""


@dataclass(frozen=True)
class Planned:
    """A protocol with the box of a system as its start; ``last`` is the hold that is measured."""

    protocol: Protocol
    last: Segment

    @property
    def steps(self) -> int:
        """MD steps of a glass."""
        from al_loop.glass.make import segments_of

        return sum(segment.steps for segment in segments_of(self.protocol))

    @property
    def interval(self) -> float:
        """Time between the frames that are measured, ps."""
        return self.last.every * self.protocol.timestep / 1000.0

    @property
    def frames(self) -> int:
        """How many are measured."""
        return _measured(self.last.steps // self.last.every + 1)


def planned_of(spec: CampaignSpec, system: str, *, base: Path) -> Planned | None:
    """The protocol of a system; None where the words of ``validate`` say how it is made.

    A name is that of a file beside the campaign's (``base``), else of one that ships with al_loop.

    Raises
    ------
    UserError
        It is not there, is wrong, or is none by which a campaign can make and measure a glass.
    """
    from al_loop.glass.make import load_protocol, protocol_names, segments_of, variants
    from al_loop.glass.make.protocol import Vary
    from al_loop.glass.make.start import Pack

    assert spec.validation is not None
    wish = spec.validation.systems[system]
    if wish.protocol is None:
        return None
    where, file = f"validate.systems.{system}.protocol", base / wish.protocol
    shipped = not file.is_file() and wish.protocol in protocol_names()
    try:
        asked = load_protocol(wish.protocol if shipped else file)
    except UserError as error:
        raise UserError(error.what, where=f"{where}: {error.where}", remedy=error.remedy) from None
    if asked.start.kind != "pack":
        raise UserError(
            f"{asked.name} begins with a {asked.start.kind}, and glasses of a campaign with a "
            "random box",
            where=where,
            remedy="take a protocol whose start is of kind pack; its formula, atoms and density "
            "are those of the system",
        )
    if len(asked.vary.rates) > 1:
        raise UserError(
            f"{asked.name} has {len(asked.vary.rates)} cooling rates",
            where=where,
            remedy="take a copy of it with one rate, for each system",
        )
    least = spec.select.min_distance
    start = Pack(
        kind="pack",
        formula=wish.formula,
        oxides=None,
        density=wish.density,
        atoms=wish.atoms,
        min_distance={pair: max(d, least.get(pair, 0.0)) for pair, d in wish.distances.items()},
    )
    seed = derive_seed(spec.seed, "glass", system)
    update = {"name": system, "start": start, "samples": 1, "seed": seed}
    (at_its_rate,) = variants(asked.model_copy(update={"vary": Vary(rates=asked.vary.rates)}))
    protocol = at_its_rate.model_copy(update=update)
    held = [one for one in segments_of(protocol) if _held(one)]
    if not held or _measured(held[-1].steps // held[-1].every + 1) < 2:
        raise UserError(
            f"{asked.name} has no hold of two frames or more under the model to be measured",
            where=where,
            remedy="let it end with a hold: {do: hold, ps: 50, frames: 1}",
        )
    return Planned(protocol, held[-1])


def check_protocols(spec: CampaignSpec, *, base: Path) -> dict[str, Planned]:
    """The protocols of the systems that have one, where this campaign can run them.

    Raises
    ------
    UserError
        As :func:`planned_of`; or LAMMPS cannot run the campaign's models or their dispersion.
    """
    assert spec.validation is not None
    found = {
        system: planned
        for system in spec.validation.systems
        if (planned := planned_of(spec, system, base=base)) is not None
    }
    if not found:
        return {}
    where = f"validate.systems.{next(iter(found))}.protocol"
    if (made := engine_class("train", spec.train.engine).model_format) != _FORMAT:  # type: ignore[attr-defined]
        raise UserError(
            f"protocols are run in LAMMPS with models of DeePMD-kit, and train.engine "
            f"{spec.train.engine} makes {made} ones",
            where=where,
            remedy="say it with melt, quench and glass of `validate` instead",
        )
    d3 = added_in_md(spec)
    if d3 is not None and d3.functional not in DISPERSION_FUNCTIONALS:
        raise UserError(
            f"LAMMPS has no D3 parameters of {d3.functional}",
            where=where,
            remedy="say it with melt, quench and glass of `validate` instead",
        )
    explorer_of(spec).check()
    return found


def stage_protocol_job(
    path: Path, *, planned: Planned, sample: int, spec: CampaignSpec, committee: Committee
) -> JobFolder:
    """Put up the job of a sample under the committee's first model, or find it there.

    Raises
    ------
    JobFolderError
        The folder holds another job.
    """
    from al_loop.glass.make import Network, stage_glass_job

    options = options_of(spec)
    model = Network(model=str(committee.models[0]), dispersion=committee.dispersion)
    return stage_glass_job(
        path,
        protocol=planned.protocol,
        potential=model,
        sample=sample,
        command=options.command,
        threads=options.threads,
    )


def collect_protocol(folder: JobFolder) -> Made:
    """What a finished job gave; its glass is what the last hold has left after a fifth of it.

    Raises
    ------
    JobFolderError
        There is no valid result.
    """
    from al_loop.glass.make import collect_glass
    from al_loop.glass.make.protocol import sample_seed

    found = collect_glass(folder)
    last = next((one for one in reversed(found.segments) if _held(one.segment)), None)
    states = _states(found, last.name if last else "")
    seed = sample_seed(found.protocol, found.sample)
    if found.stop != "completed" or last is None:
        return Made(states, None, 0, 0.0, found.stop, found.detail, seed)
    run = last.frames()
    glass = run.frames[-_measured(len(run.frames)) :]
    write_frames(folder.path / GLASS, glass)
    interval = last.segment.every * last.timestep / 1000.0
    return Made(states, folder.path / GLASS, len(glass), interval, found.stop, found.detail, seed)


def _measured(frames: int) -> int:
    """Of so many frames of a hold."""
    return frames - max(1, round(SETTLING * frames))


def _held(segment: Segment) -> bool:
    return segment.measured and segment.under is None


def _states(found: GlassResult, last: str) -> tuple[tuple[State, Atoms], ...]:
    """From what moved under the model, evenly; the end of the glass alone.

    Where the model has not come to the end of a step, it is where it has begun.
    """
    from al_loop.glass.make import segments_of

    moved = [one for one in found.segments if not one.segment.still and not one.segment.under]
    if not moved:
        asked = segments_of(found.protocol)
        at = asked[min(len(found.segments), len(asked) - 1)]
        return ((_state("melt", at.temperature[0]), _bare(found.final)),)
    frames = sum(one.segment.steps // one.segment.every + 1 for one in moved)
    stride = -(-frames // WAY_SAMPLES)
    states: list[tuple[State, Atoms]] = []
    phase: Phase = "melt"
    for one in moved:
        begin, end = one.segment.temperature
        if end < begin:
            phase = "path"
        if one.name == last:
            states.append((_state("glass", end), _bare(one.end)))
            break
        for i, atoms in enumerate(one.frames(every=stride).frames):
            part = min(1.0, i * stride * one.segment.every / one.segment.steps)
            states.append((_state(phase, begin + part * (end - begin)), _bare(atoms)))
    return tuple(states)


def _state(phase: Phase, kelvin: float) -> State:
    return State(phase=phase, temperature=kelvin, deviation=None)


def _bare(atoms: Atoms) -> Atoms:
    bare = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    bare.wrap()
    return bare
