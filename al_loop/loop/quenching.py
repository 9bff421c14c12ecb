"""Melt-quenches and RMC boxes of a campaign: their identity, and the frames that they gave.

Each is known by what was asked for and by its seed, not by the campaign: one that is made again, or
rehearsed, finds its frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ase import Atoms

from al_loop.campaign import CampaignSpec, make_engine
from al_loop.campaign.quench import MeltQuench
from al_loop.campaign.rmc import Rmc
from al_loop.campaign.structures import MeltQuenchSource, RmcSource, grid_of, key_of
from al_loop.explore import Explorer
from al_loop.explore.lammps.options import LammpsOptions
from al_loop.explore.quench import legs_of
from al_loop.hashing import derive_seed, digest
from al_loop.store import QuenchRecord, Store
from al_loop.structures import quench_box

ENGINE = "lammps"
"""Explorer whose program and options a melt-quench uses."""


@dataclass(frozen=True)
class Sample:
    """One melt-quench of a source, or one box by RMC."""

    structure: str
    wish: MeltQuench | Rmc
    seed: int
    where: str
    """Where it stands in the campaign file."""

    @property
    def source(self) -> str:
        """Digest of what is asked for; samples of one source share it."""
        asked = self.wish.model_dump(mode="json", exclude={"samples"})
        return digest(asked | {"min_distance": self.wish.distances})

    @property
    def key(self) -> str:
        """Identity of the sample."""
        return digest([self.source, self.seed])

    def box(self) -> Atoms:
        """The random box at the beginning."""
        return quench_box(self.wish, seed=self.seed, key=self.where)


def wishes_of(spec: CampaignSpec) -> dict[str, MeltQuench]:
    """What is melted and quenched, by the structure's name."""
    return {
        name: source.melt_quench
        for name, source in spec.structures.items()
        if isinstance(source, MeltQuenchSource)
    }


def refined_of(spec: CampaignSpec) -> dict[str, Rmc]:
    """What is made by RMC, by the structure's name."""
    return {
        name: source.rmc
        for name, source in spec.structures.items()
        if isinstance(source, RmcSource)
    }


def computed_of(spec: CampaignSpec) -> dict[str, MeltQuench | Rmc]:
    """What has to be computed before it can be a start, by the structure's name."""
    return {**wishes_of(spec), **refined_of(spec)}


def frames_of(wish: MeltQuench | Rmc) -> int:
    """Frames of one sample."""
    return wish.frames if isinstance(wish, Rmc) else sum(leg.keep for leg in legs_of(wish))


def samples_of(spec: CampaignSpec) -> dict[str, Sample]:
    """All melt-quenches and boxes by RMC by the names of their jobs (``glass-0``)."""
    return {
        f"{name}-{i}": Sample(name, wish, _seed(spec, name, i), _where(spec, name))
        for name, wish in computed_of(spec).items()
        for i in range(wish.samples)
    }


def missing(store: Store, spec: CampaignSpec) -> dict[str, Sample]:
    """Melt-quenches that have not been computed, by the names of their jobs."""
    samples = samples_of(spec)
    known = store.quenches.get_many(one.key for one in samples.values()) if samples else {}
    return {name: one for name, one in samples.items() if one.key not in known}


def records_of(store: Store, spec: CampaignSpec) -> dict[str, list[QuenchRecord]]:
    """Melt-quenches by the structure's name; a structure of which one is missing is left out."""
    samples = samples_of(spec).values()
    known = store.quenches.get_many(one.key for one in samples)
    found: dict[str, list[QuenchRecord]] = {}
    for name in computed_of(spec):
        keys = [one.key for one in samples if one.structure == name]
        if all(key in known for key in keys):
            found[name] = [known[key] for key in keys]
    return found


def quenched_frames(store: Store, spec: CampaignSpec) -> dict[str, list[Atoms]]:
    """Frames of the melt-quenches that have been computed, sample after sample."""
    if not computed_of(spec):
        return {}
    hashes = {
        name: [one.frame for record in records for one in record.frames]
        for name, records in records_of(store, spec).items()
    }
    atoms = store.frames.get_many(frame for frames in hashes.values() for frame in frames)
    return {name: [atoms[frame] for frame in frames] for name, frames in hashes.items()}


def stand_ins(spec: CampaignSpec) -> dict[str, list[Atoms]]:
    """As many boxes as there will be frames: what can be looked at before anything is computed."""
    found: dict[str, list[Atoms]] = {}
    for name, wish in computed_of(spec).items():
        box = quench_box(
            wish, seed=_seed(spec, name, 0), key=_where(spec, name), least=spec.select.min_distance
        )
        found[name] = [box] * (wish.samples * frames_of(wish))
    return found


def _seed(spec: CampaignSpec, name: str, sample: int) -> int:
    return derive_seed(spec.seed, "quench", name, sample)


def _where(spec: CampaignSpec, name: str) -> str:
    source = spec.structures[name]
    if isinstance(source, RmcSource):
        return f"{key_of(name, source)}.rmc"
    return f"{key_of(name, source)}{'' if grid_of(source) else '.melt_quench'}"


def options_of(spec: CampaignSpec) -> LammpsOptions:
    """LAMMPS' options: the explorer's where that is LAMMPS, else the defaults."""
    given = spec.explore.options.model_dump() if spec.explore.engine == ENGINE else {}
    return LammpsOptions.model_validate(given)


def explorer_of(spec: CampaignSpec) -> Explorer:
    """The LAMMPS that melts and quenches."""
    return cast(Explorer, make_engine("explore", ENGINE, options_of(spec)))
