"""A walker as a page shows it: what it measured along its way, and what was chosen of it."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from al_loop.campaign.stages import TrustLevels
from al_loop.loop.thinning import peaks, plain
from al_loop.store import CampaignRecord, Selection, Store, WalkRecord

MOST_SAMPLES = 1500


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChosenSample(_Document):
    """A frame of the walk that was chosen; ``time`` ps, ``deviation`` eV/Å."""

    frame: str
    chosen: str
    time: float | None
    deviation: float | None


class Trajectory(_Document):
    """Series of a walk, thinned: highest and lowest deviations are kept.

    ``time`` ps; ``deviation`` eV/Å, maximum over the atoms; ``temperature`` and ``target``
    K; ``pressure`` GPa. None where it was not finite.
    """

    samples: int
    """Before thinning."""
    time: list[float | None]
    deviation: list[float | None]
    temperature: list[float | None]
    target: list[float | None]
    pressure: list[float | None]
    trust: TrustLevels | None
    chosen: list[ChosenSample]


def trajectory_of(store: Store, record: CampaignRecord, walk: WalkRecord) -> Trajectory:
    """What a page draws of a walk."""
    chosen = chosen_of(store, walk)
    ps = float((record.spec.get("explore") or {}).get("timestep") or 1.0) / 1000.0
    at = peaks(walk.max_force_deviation, MOST_SAMPLES)
    return Trajectory(
        samples=len(walk.step),
        time=plain(ps * walk.step[at].astype(np.float64)),
        deviation=plain(walk.max_force_deviation[at]),
        temperature=plain(walk.sample_temperature[at]),
        target=plain(walk.target_temperature[at]),
        pressure=plain(walk.sample_pressure[at]),
        trust=_trust(store, walk, chosen),
        chosen=[
            ChosenSample(
                frame=one.frame,
                chosen=one.chosen,
                time=None if one.step is None else plain([one.step * ps])[0],
                deviation=one.deviation,
            )
            for one in chosen
        ],
    )


def chosen_of(store: Store, walk: WalkRecord) -> list[Selection]:
    """Frames of a walk that were chosen, without arrays; in the order of time."""
    found = store.selections.light(walk.campaign, walk.iteration)
    mine = [one for one in found if one.source == walk.walker]
    return sorted(mine, key=lambda one: (one.step is None, one.step or 0, one.frame))


def _trust(store: Store, walk: WalkRecord, chosen: list[Selection]) -> TrustLevels | None:
    """Of the walk's group where a chosen frame says which it is, else of all frames."""
    iteration = store.iterations.get(walk.campaign, walk.iteration)
    if iteration is None:
        return None
    if iteration.calibration is None or not chosen:
        return iteration.trust
    return iteration.calibration.trust(chosen[0].group)
