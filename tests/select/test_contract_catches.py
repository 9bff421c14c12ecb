"""The contract catches a deliberate fault in each promise of a selector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_loop.frame import frame_hash
from al_loop.select import (
    ACCURATE,
    CANDIDATE,
    FAILED,
    Batch,
    Filter,
    Pick,
    Pool,
    choose_batch,
    classify,
    make_filter,
)
from al_loop.select.trust import Codes
from al_loop.units import Array

from . import test_selector

Choose = Callable[..., Batch]

# -- trust levels


def looks_for_candidates_first(force: Array, **levels: Any) -> Codes:
    alone = classify(force, levels=levels["levels"])
    found = classify(force, **levels)
    if levels.get("virial_levels") is not None:
        virial = classify(levels["virial_deviation"], levels=levels["virial_levels"])
        found[(alone == CANDIDATE) | (virial == CANDIDATE)] = CANDIDATE
    return found


def takes_nan_for_accurate(force: Array, **levels: Any) -> Codes:
    return classify(np.nan_to_num(force, nan=0.0), **levels)


def leaves_nan_out(force: Array, **levels: Any) -> Codes:
    """The codes of the samples after a NaN move up by one."""
    if levels.get("virial_levels") is not None:
        return classify(force, **levels)
    good = classify(force[np.isfinite(force)], **levels)
    return np.append(good, np.full(len(force) - len(good), FAILED, dtype=np.int8))


def puts_levels_below(force: Array, **levels: Any) -> Codes:
    return classify(np.nextafter(force, -np.inf), **levels)


def ignores_virials(force: Array, **levels: Any) -> Codes:
    return classify(force, levels=levels["levels"])


def judges_virials_by_forces(force: Array, **levels: Any) -> Codes:
    if levels.get("virial_deviation") is None:
        return classify(force, **levels)
    return classify(force, **{"virial_levels": levels["levels"], **levels})


def makes_up_virials(force: Array, **levels: Any) -> Codes:
    given = levels.get("virial_deviation")
    virial = np.zeros_like(force) if given is None else np.resize(given, force.shape)
    return classify(force, **{**levels, "virial_deviation": virial})


def answers_in_floats(force: Array, **levels: Any) -> Any:
    return classify(force, **levels).astype(float)


# -- filters


def filtering(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., Filter]:
    """A filter that is asked for one thing and looks at another."""
    return lambda **asked: make_filter(**change(asked))


def seeing(change: Callable[[Atoms], Atoms]) -> Callable[..., Filter]:
    """A filter that sees other frames than it is given."""

    def make(**asked: Any) -> Filter:
        check = make_filter(**asked)
        return lambda atoms: check(change(atoms.copy()))

    return make


def without_images(atoms: Atoms) -> Atoms:
    atoms.pbc = False
    return atoms


def with_numbers(atoms: Atoms) -> Atoms:
    atoms.positions[:] = np.nan_to_num(atoms.positions)
    return atoms


def in_atomic_masses(asked: dict[str, Any]) -> dict[str, Any]:
    window = asked["density"]
    return {**asked, "density": window and tuple(1.66053907 * limit for limit in window)}


def floors_for_all(asked: dict[str, Any]) -> dict[str, Any]:
    return {**asked, "min_distance": {"O-Si": 1.0, **asked["min_distance"]}}


def says_how_close(**asked: Any) -> Filter:
    check = make_filter(**asked)

    def detailed(atoms: Atoms) -> str | None:
        why = check(atoms)
        return why and f"{why} ({atoms.get_distance(0, 1):.3f} Å)"

    return detailed


def looks_at_density_first(**asked: Any) -> Filter:
    density = make_filter(min_distance={}, density=asked["density"])
    everything = make_filter(**asked)
    return lambda atoms: density(with_numbers(atoms.copy())) or everything(atoms)


# -- the batch


def asking(**changes: Any) -> Choose:
    return lambda pools, **asked: choose_batch(pools, **{**asked, **changes})


def answering(change: Callable[[Batch], Batch]) -> Choose:
    return lambda pools, **asked: change(choose_batch(pools, **asked))


def each_pick(change: Callable[[Pick], Pick]) -> Choose:
    return answering(lambda batch: replace(batch, picks=tuple(map(change, batch.picks))))


def recoded(pool: Pool, codes: dict[int, int]) -> Pool:
    return replace(pool, code=np.array([codes.get(c, c) for c in pool.code.tolist()], np.int8))


def auditing(change: Callable[[Pool], Pool]) -> Choose:
    """Audits the walkers after ``change``."""

    def choose(pools: Sequence[Pool], *, batch: int, audit: int, known: set[str], **asked: Any):
        first = choose_batch(pools, batch=batch, audit=0, known=known, **asked)
        taken = known | {pick.frame for pick in first.picks}
        changed = [change(pool) for pool in pools]
        then = choose_batch(changed, batch=0, audit=audit, known=taken, **asked)
        return Batch(first.picks + then.picks, {**first.refused, **then.refused})

    return choose


def counts_the_whole_walk(pool: Pool) -> Pool:
    """Samples of any code that were not kept have the weight of accurate ones."""
    code = np.full_like(pool.code, ACCURATE)
    code[pool.kept] = pool.code[pool.kept]
    return replace(pool, code=code)


def counts_what_was_kept(pool: Pool) -> Pool:
    code = np.full_like(pool.code, FAILED)
    code[pool.kept] = pool.code[pool.kept]
    return replace(pool, code=code)


def audits_walkers_in_turn(pools: Sequence[Pool], *, batch: int, audit: int, **asked: Any) -> Batch:
    first = choose_batch(pools, batch=batch, audit=0, **asked)
    turned = [recoded(pool, {ACCURATE: CANDIDATE, CANDIDATE: FAILED}) for pool in pools]
    then = choose_batch(turned, batch=audit, audit=0, **asked)
    return Batch(first.picks + tuple(replace(p, why="audit") for p in then.picks), first.refused)


def filters_afterwards(pools: Sequence[Pool], *, accept: Filter, **asked: Any) -> Batch:
    """Does not look for others in place of those that are refused."""
    chosen = choose_batch(pools, accept=lambda _: None, **asked)
    frames = {pool.name: pool.frames for pool in pools}
    good = (
        pick
        for pick in chosen.picks
        if pick.why == "audit" or accept(frames[pick.walker][pick.position]) is None
    )
    return replace(chosen, picks=tuple(good))


def filters_audits(pools: Sequence[Pool], *, accept: Filter, **asked: Any) -> Batch:
    chosen = choose_batch(pools, accept=accept, **asked)
    frames = {pool.name: pool.frames for pool in pools}
    good = (p for p in chosen.picks if accept(frames[p.walker][p.position]) is None)
    return replace(chosen, picks=tuple(good))


def walker_after_walker(pools: Sequence[Pool], *, batch: int, audit: int, **asked: Any) -> Batch:
    """Empties one walker before it looks at the next, of which it has forgotten the first."""
    picks: list[Pick] = []
    for pool in sorted(pools, key=lambda pool: pool.name):
        left = batch - sum(pick.why == "candidate" for pick in picks)
        audits = audit - sum(pick.why == "audit" for pick in picks)
        picks += choose_batch([pool], batch=left, audit=audits, **asked).picks
    return Batch(tuple(picks), {})


def numbers_the_walkers(pools: Sequence[Pool], **asked: Any) -> Batch:
    """Random numbers by the place of a walker and not by its name."""
    names = {f"{n:03}": pool.name for n, pool in enumerate(pools)}
    chosen = choose_batch(
        [replace(pool, name=name) for name, pool in zip(names, pools, strict=True)], **asked
    )
    return replace(chosen, picks=tuple(replace(p, walker=names[p.walker]) for p in chosen.picks))


def names_the_first_frame(pools: Sequence[Pool], **asked: Any) -> Batch:
    first = {pool.name: frame_hash(pool.frames[0]) for pool in pools if pool.frames}
    chosen = choose_batch(pools, **asked)
    return replace(chosen, picks=tuple(replace(p, frame=first[p.walker]) for p in chosen.picks))


def takes_one_more(pools: Sequence[Pool], *, batch: int, **asked: Any) -> Batch:
    return choose_batch(pools, batch=batch + 1, **asked)


def takes_failed_ones(pools: Sequence[Pool], **asked: Any) -> Batch:
    return choose_batch([recoded(pool, {FAILED: CANDIDATE}) for pool in pools], **asked)


def repairs_frames(pools: Sequence[Pool], **asked: Any) -> Batch:
    repaired = [
        replace(pool, frames=[with_numbers(atoms.copy()) for atoms in pool.frames])
        for pool in pools
    ]
    return choose_batch(repaired, **asked)


def takes_the_last_of_a_name(pools: Sequence[Pool], **asked: Any) -> Batch:
    return choose_batch(list({pool.name: pool for pool in pools}.values()), **asked)


def needs_a_walker(pools: Sequence[Pool], **asked: Any) -> Batch:
    if not pools:
        raise ValueError("no walkers")
    return choose_batch(pools, **asked)


def never_the_same() -> Choose:
    seeds = count(1)
    return lambda pools, **asked: choose_batch(pools, **{**asked, "seed": next(seeds)})


CODES = "test_picks_have_the_code_of_their_reason"
UNIFORM = "test_audit_is_a_uniform_sample_of_all_accurate_samples"
FULL = "test_batch_and_audit_are_full_unless_frames_run_out"
NAMES = "test_a_pick_names_its_sample_and_its_frame"
SEED = "test_the_same_seed_chooses_the_same_and_another_one_others"
TWICE = "test_nothing_is_picked_twice"
COUNTED = "test_refused_frames_are_counted_by_reason_and_replaced"
NOT_FINITE = "test_what_is_not_finite_is_refused_before_anything_else"
CROWD = "test_one_walker_with_many_candidates_does_not_crowd_out_the_others"

CAUGHT: dict[str, list[tuple[Callable[..., Any], str]]] = {
    "classify": [
        (looks_for_candidates_first, "test_failed_is_tested_first"),
        (takes_nan_for_accurate, "test_what_is_not_finite_is_failed"),
        (leaves_nan_out, "test_every_sample_has_its_own_code"),
        (leaves_nan_out, "test_codes_are_those_of_a_plain_loop"),
        (puts_levels_below, "test_levels_belong_to_the_class_above_them"),
        (ignores_virials, "test_either_deviation_makes_a_candidate"),
        (judges_virials_by_forces, "test_virials_take_part_only_with_levels_of_their_own"),
        (makes_up_virials, "test_virial_levels_need_a_virial_of_each_sample"),
        (answers_in_floats, "test_codes_are_those_of_a_plain_loop"),
    ],
    "make_filter": [
        (filtering(lambda asked: {**asked, "min_distance": {}}), "test_close_pairs_are_refused"),
        (filtering(floors_for_all), "test_only_listed_pairs_are_looked_at"),
        (seeing(without_images), "test_periodic_images_count"),
        (says_how_close, "test_reasons_can_be_counted"),
        (filtering(in_atomic_masses), "test_density_window_is_in_g_per_cm3"),
        (
            filtering(lambda asked: {**asked, "density": None}),
            "test_density_window_is_in_g_per_cm3",
        ),
        (seeing(with_numbers), NOT_FINITE),
        (looks_at_density_first, NOT_FINITE),
    ],
    "choose_batch": [
        (each_pick(lambda pick: replace(pick, sample=pick.position)), NAMES),
        (names_the_first_frame, NAMES),
        (takes_failed_ones, CODES),
        (auditing(lambda pool: recoded(pool, {CANDIDATE: ACCURATE})), CODES),
        (asking(accept=lambda _: None), "test_candidates_pass_the_filter"),
        (asking(known=set()), "test_what_is_labelled_already_is_not_picked"),
        (answering(lambda b: replace(b, picks=b.picks + b.picks[:1])), TWICE),
        (walker_after_walker, TWICE),
        (walker_after_walker, CROWD),
        (walker_after_walker, "test_walkers_that_share_a_frame_have_it_labelled_once"),
        (filters_afterwards, FULL),
        (filters_afterwards, COUNTED),
        (takes_one_more, FULL),
        (asking(audit=0), FULL),
        (numbers_the_walkers, "test_order_of_the_walkers_does_not_matter"),
        (asking(seed=1), SEED),
        (never_the_same(), SEED),
        (answering(lambda batch: replace(batch, refused={})), COUNTED),
        (repairs_frames, "test_a_frame_that_is_not_finite_is_refused_and_stops_nothing"),
        (filters_audits, "test_filters_do_not_apply_to_audit_frames"),
        (auditing(counts_the_whole_walk), UNIFORM),
        (auditing(counts_what_was_kept), UNIFORM),
        (audits_walkers_in_turn, UNIFORM),
        (takes_the_last_of_a_name, "test_pools_that_make_no_sense_are_refused"),
        (needs_a_walker, "test_no_walkers_no_batch"),
    ],
}
FAULTS = [
    pytest.param(name, function, check, id=f"{name}-{n}-{function.__name__}")
    for name, faults in CAUGHT.items()
    for n, (function, check) in enumerate(faults)
]


@pytest.mark.parametrize(("name", "function", "check"), FAULTS)
def test_contract_catches(name: str, function: Callable[..., Any], check: str) -> None:
    contract = test_selector.TestSelector()
    setattr(contract, name, function)
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        getattr(contract, check)()


def test_every_check_of_the_contract_catches_something() -> None:
    checks = {name for name in dir(test_selector.TestSelector) if name.startswith("test_")}
    assert checks == {check for faults in CAUGHT.values() for _, check in faults}
