"""The batch: full when it can be, fair, without duplicates, and the same whatever the order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import comb

import numpy as np
import pytest
from ase import Atoms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from al_loop.frame import frame_hash
from al_loop.select import ACCURATE, CANDIDATE, FAILED, Batch, Pool, choose_batch

MakePool = Callable[..., Pool]


def everything(_: Atoms) -> str | None:
    return None


def choose(pools: list[Pool], **options: object) -> Batch:
    defaults = {"batch": 5, "audit": 2, "accept": everything, "known": set(), "seed": 1}
    return choose_batch(pools, **(defaults | options))


walks = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4),
    st.lists(st.sampled_from([ACCURATE, CANDIDATE, FAILED]), max_size=12),
    max_size=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    codes=walks,
    batch=st.integers(0, 15),
    audit=st.integers(0, 6),
    seed=st.integers(1, 1000),
    order=st.randoms(use_true_random=False),
    refuse=st.sampled_from([1, 2, 3]),
    forget=st.integers(1, 4),
)
def test_properties_of_any_batch(
    make_pool: MakePool,
    codes: dict[str, list[int]],
    batch: int,
    audit: int,
    seed: int,
    order: object,
    refuse: int,
    forget: int,
) -> None:
    pools = [make_pool(name, its) for name, its in codes.items()]
    hashes = {frame_hash(f): f for pool in pools for f in pool.frames}
    known = set(sorted(hashes)[::forget]) if forget > 1 else set()

    def accept(atoms: Atoms) -> str | None:
        return "odd" if refuse > 1 and int(frame_hash(atoms), 16) % refuse == 0 else None

    def run(these: list[Pool]) -> Batch:
        return choose(these, batch=batch, audit=audit, accept=accept, known=known, seed=seed)

    chosen = run(pools)
    by_name = {pool.name: pool for pool in pools}
    for pick in chosen.picks:
        pool = by_name[pick.walker]
        assert pool.kept[pick.position] == pick.sample
        assert frame_hash(pool.frames[pick.position]) == pick.frame
        assert pool.code[pick.sample] == (CANDIDATE if pick.why == "candidate" else ACCURATE)
        assert pick.frame not in known
        assert pick.why == "audit" or accept(pool.frames[pick.position]) is None
    assert len({pick.frame for pick in chosen.picks}) == len(chosen.picks)

    def available(code: int) -> set[str]:
        return {
            frame_hash(pool.frames[i])
            for pool in pools
            for i in range(len(pool.frames))
            if pool.code[pool.kept[i]] == code
        } - known

    candidates = {h for h in available(CANDIDATE) if accept(hashes[h]) is None}
    taken = Counter(pick.why for pick in chosen.picks)
    assert taken["candidate"] == min(batch, len(candidates))
    picked = {pick.frame for pick in chosen.picks if pick.why == "candidate"}
    assert taken["audit"] == min(audit, len(available(ACCURATE) - picked))

    shuffled = list(pools)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert run(shuffled) == chosen


def test_another_seed_chooses_others(make_pool: MakePool) -> None:
    pools = [make_pool("a", [CANDIDATE] * 50)]
    chosen = {frozenset(p.frame for p in choose(pools, seed=s).picks) for s in range(10)}
    assert len(chosen) == 10


def test_one_walker_with_many_candidates_does_not_crowd_out_the_others(
    make_pool: MakePool,
) -> None:
    pools = [make_pool("long", [CANDIDATE] * 500), make_pool("x", [CANDIDATE] * 3)]
    pools.append(make_pool("y", [CANDIDATE] * 3))
    shares = Counter(pick.walker for pick in choose(pools, batch=9, audit=0).picks)
    assert shares == {"long": 3, "x": 3, "y": 3}
    shares = Counter(pick.walker for pick in choose(pools, batch=20, audit=0).picks)
    assert shares == {"long": 14, "x": 3, "y": 3}


def test_refused_frames_are_counted_by_reason_and_replaced(make_pool: MakePool) -> None:
    pool = make_pool("a", [CANDIDATE] * 20)
    good = {frame_hash(pool.frames[i]) for i in range(0, 20, 4)}
    known = {frame_hash(pool.frames[0])}

    def accept(atoms: Atoms) -> str | None:
        return None if frame_hash(atoms) in good else "too close"

    chosen = choose([pool], batch=10, audit=0, accept=accept, known=known)
    assert {p.frame for p in chosen.picks} == good - known
    assert chosen.refused == {"labelled before": 1, "too close": 15}


def test_walkers_that_share_a_frame_have_it_labelled_once(make_pool: MakePool) -> None:
    one = make_pool("a", [CANDIDATE])
    other = Pool("b", one.code, one.kept, one.frames)
    chosen = choose([one, other])
    assert len(chosen.picks) == 1
    assert chosen.refused == {"twice among the walkers": 1}


def test_a_frame_that_is_not_finite_is_refused_and_stops_nothing(make_pool: MakePool) -> None:
    pool = make_pool("a", [ACCURATE, ACCURATE])
    pool.frames[0].positions[:] = np.nan
    chosen = choose([pool], audit=2)
    assert [pick.sample for pick in chosen.picks] == [1]
    assert chosen.refused == {"positions or cell are not finite": 1}


def test_filters_do_not_apply_to_audit_frames(make_pool: MakePool) -> None:
    chosen = choose([make_pool("a", [ACCURATE, CANDIDATE])], accept=lambda _: "never")
    assert [pick.why for pick in chosen.picks] == ["audit"]


def test_audit_is_a_uniform_sample_of_all_accurate_samples(make_pool: MakePool) -> None:
    """Shares follow the hypergeometric law though both walkers keep four frames."""
    generator = np.random.default_rng(1)
    total, short, audit, trials = 14, 5, 4, 2000
    found: Counter[int] = Counter()
    for seed in range(1, trials + 1):
        dropped = tuple(generator.permutation(total - short)[audit:].tolist())
        pools = [
            make_pool("long", [ACCURATE] * (total - short), dropped=dropped),
            make_pool("short", [ACCURATE] * short, dropped=(seed % short,)),
        ]
        picks = choose(pools, batch=0, audit=audit, seed=seed).picks
        assert len(picks) == audit
        found[sum(pick.walker == "short" for pick in picks)] += 1
    for k in range(audit + 1):
        p = comb(short, k) * comb(total - short, audit - k) / comb(total, audit)
        assert found[k] / trials == pytest.approx(p, abs=4 * (p * (1 - p) / trials) ** 0.5 + 1e-3)


def test_pools_that_make_no_sense_are_refused(make_pool: MakePool) -> None:
    pool = make_pool("a", [CANDIDATE])
    with pytest.raises(ValueError, match="same name"):
        choose([pool, pool])
    with pytest.raises(ValueError, match="pool a: 1 kept, 0 frames"):
        choose([Pool("a", pool.code, pool.kept, [])])


def test_no_pools_no_batch() -> None:
    assert choose([]) == Batch((), {})
