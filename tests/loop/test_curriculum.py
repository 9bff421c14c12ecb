"""A stage is repeated until the committee is sure of it, but not for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.campaign.stages import ExploreConditions
from al_loop.explore import Walk, collect_walks
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.curriculum import CONDITIONS, stage_of
from al_loop.loop.stages.explore import walkers_of
from al_loop.store import Counts, Store
from tests.campaigns import CHEAP, write_campaign
from tests.loop.test_late_labels import NAME, Hands, at, carry_on, state


def stages(*passes: float | None, at_most: int = 3) -> tuple[ExploreConditions, ...]:
    return tuple(
        ExploreConditions(
            structures=("a",), temperatures=(300,), steps=1, passes=p, at_most=at_most
        )
        for p in passes
    )


def walk_through(store: Store, given: tuple[ExploreConditions, ...], *found: float) -> list[int]:
    """Stages of iterations whose uncertain fractions are ``found``, and of the one after."""
    indices = []
    for i, fraction in enumerate([*found, 1.0]):
        store.iterations.open("c", i, "explore")
        index = stage_of(store, "c", given, i)
        assert stage_of(store, "c", given, i) == index
        indices.append(index)
        store.iterations.freeze("c", i, CONDITIONS, {"index": index})
        counts = Counts(explored=100, candidate=round(100 * fraction))
        store.iterations.record("c", i, counts=counts)
    return indices


def test_without_passes_each_iteration_has_the_next_stage(store: Store) -> None:
    assert walk_through(store, stages(None, None, None), 1.0, 1.0, 1.0) == [0, 1, 2, 2]


def test_a_stage_is_repeated_until_the_committee_is_sure(store: Store) -> None:
    given = stages(0.1, 0.2, None, at_most=9)
    assert walk_through(store, given, 0.5, 0.3, 0.1, 0.2, 0.9) == [0, 0, 0, 1, 2, 2]


def test_a_stage_that_is_never_passed_does_not_last_for_ever(store: Store) -> None:
    assert walk_through(store, stages(0.1, 0.1), 0.5, 0.5, 0.5, 0.5) == [0, 0, 0, 1, 1]


def test_what_was_not_fixed_follows_from_the_iterations_before(store: Store) -> None:
    given = stages(0.1, 0.1, None, at_most=3)
    for i, fraction in enumerate([0.5, 0.5, 0.5, 0.05] + [0.5] * 60):
        store.iterations.open("c", i, "explore")
        counts = Counts(explored=100, candidate=round(100 * fraction))
        store.iterations.record("c", i, counts=counts)
    assert [stage_of(store, "c", given, i) for i in range(6)] == [0, 0, 0, 1, 2, 2]
    store.iterations.freeze("c", 1, CONDITIONS, {"index": 1})
    assert [stage_of(store, "c", given, i) for i in (2, 3, 4, 60)] == [1, 1, 2, 2]


@pytest.mark.engine
def test_a_campaign_goes_through_its_curriculum(store: Store, tmp_path: Path) -> None:
    data: dict[str, Any] = dump_campaign(load_campaign(write_campaign(tmp_path, CHEAP, name=NAME)))
    data["explore"]["stages"][0] |= {"name": "solid", "passes": 0.0, "at_most": 2}
    data["select"]["trust"] = {"lower": 0.01, "upper": 20.0}
    data["budget"]["iterations"] = 4
    data["folder"] = str(tmp_path / NAME)
    register(store, CampaignSpec.model_validate(data), base=tmp_path)
    carry_on(store, Hands(), lambda: state(store) != "running")
    done = store.iterations.all(NAME)
    assert [one.frozen[CONDITIONS]["index"] for one in done if CONDITIONS in one.frozen] == [
        0,
        0,
        1,
        1,
    ]
    assert "exploration stage 1 of 2 (solid): " in done[0].reason
    assert "passed at 0.0%" in done[0].reason
    told = [e for e in store.events.latest(NAME, 200) if e.kind == "stage-not-passed"]
    assert len(told) == 1
    assert "after 2 iterations" in told[0].text


@pytest.mark.engine
def test_walkers_go_on_where_earlier_ones_ended(store: Store, tmp_path: Path) -> None:
    data: dict[str, Any] = dump_campaign(load_campaign(write_campaign(tmp_path, CHEAP, name=NAME)))
    data["explore"]["stages"][1] |= {"starts": "last"}
    data["budget"]["iterations"] = 3
    data["folder"] = str(tmp_path / NAME)
    register(store, CampaignSpec.model_validate(data), base=tmp_path)
    carry_on(store, Hands(), lambda: at(store, 2, "label"))
    ctx = Context(store, NAME)
    ends = [walk.last.positions for walk in walks_of(ctx, 0) if walk.last is not None]
    packed = [one.atoms.positions for one in ctx.starts["packed"] if one.pristine]
    for iteration in (1, 2):  # the stage is repeated, and begins again where it began first
        for walker, atoms in walkers_of(ctx, iteration).values():
            # of the packed boxes no walker has run in an earlier stage
            starts = ends if walker.name.startswith("cristobalite") else packed
            assert any(np.array_equal(atoms.positions, start) for start in starts)
    assert len({walker.name.split("-")[0] for walker, _ in walkers_of(ctx, 2).values()}) == 2


def walks_of(ctx: Context, iteration: int) -> list[Walk]:
    jobs = ctx.store.jobs.of_stage(NAME, iteration, "explore")
    return [w for j in jobs if "walkers" in j.name for w in collect_walks(ctx.folder_of(j))]
