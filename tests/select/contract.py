"""The contract of selectors: trust levels, filters and the batch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from math import comb

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from al_loop.campaign.stages import TrustLevels
from al_loop.frame import frame_hash
from al_loop.select import ACCURATE, CANDIDATE, FAILED, Batch, Filter, Pool
from al_loop.select.trust import Codes

from .pools import Ask, asks, make_pool

FORCE = TrustLevels(lower=0.1, upper=0.3)
VIRIAL = TrustLevels(lower=0.01, upper=0.05)
NAN, INF = math.nan, math.inf


def plainly(force: float, virial: float | None) -> int:
    """The rule as a person would say it."""
    tested = [(force, FORCE)] + ([] if virial is None else [(virial, VIRIAL)])
    if any(not math.isfinite(value) or value >= level.upper for value, level in tested):
        return FAILED
    if any(value >= level.lower for value, level in tested):
        return CANDIDATE
    return ACCURATE


def pair(distance: float, symbols: str = "SiO", length: float = 10.0) -> Atoms:
    return Atoms(symbols, positions=[[0, 0, 0], [distance, 0, 0]], cell=[length] * 3, pbc=True)


class SelectorContract:
    """Inherit, name the class ``Test...``, and name the functions (as static methods)."""

    classify: Callable[..., Codes]
    make_filter: Callable[..., Filter]
    choose_batch: Callable[..., Batch]

    # -- helpers

    def code(self, force: float, virial: float) -> int:
        (found,) = self.classify(
            np.array([force]),
            levels=FORCE,
            virial_deviation=np.array([virial]),
            virial_levels=VIRIAL,
        )
        return int(found)

    def choose(self, pools: list[Pool], **options: object) -> Batch:
        defaults = {"batch": 5, "audit": 2, "accept": lambda _: None, "known": set(), "seed": 1}
        return self.choose_batch(pools, **(defaults | options))

    def answer(self, ask: Ask, pools: list[Pool] | None = None) -> Batch:
        return self.choose_batch(
            ask.pools if pools is None else pools,
            batch=ask.batch,
            audit=ask.audit,
            accept=ask.accept,
            known=ask.known,
            seed=ask.seed,
        )

    # -- trust levels

    def test_failed_is_tested_first(self) -> None:
        assert self.code(0.5, 0.001) == FAILED  # though the virial is accurate
        assert self.code(0.5, 0.02) == FAILED  # or a candidate
        assert self.code(0.05, 0.2) == FAILED
        assert self.code(0.2, 0.2) == FAILED

    def test_what_is_not_finite_is_failed(self) -> None:
        for value in (NAN, INF, -INF):
            assert self.code(value, 0.001) == FAILED
            assert self.code(value, 0.02) == FAILED
            assert self.code(0.05, value) == FAILED
            assert self.classify(np.array([value]), levels=FORCE).tolist() == [FAILED]

    def test_either_deviation_makes_a_candidate(self) -> None:
        assert self.code(0.05, 0.02) == CANDIDATE
        assert self.code(0.2, 0.001) == CANDIDATE
        assert self.code(0.05, 0.001) == ACCURATE

    def test_levels_belong_to_the_class_above_them(self) -> None:
        assert self.code(0.1, 0.0) == self.code(0.0, 0.01) == CANDIDATE
        assert self.code(0.3, 0.0) == self.code(0.0, 0.05) == FAILED

    def test_every_sample_has_its_own_code(self) -> None:
        force = np.array([0.05, NAN, 0.2, 0.05, INF, 0.5, 0.2])
        expected = [ACCURATE, FAILED, CANDIDATE, ACCURATE, FAILED, FAILED, CANDIDATE]
        assert self.classify(force, levels=FORCE).tolist() == expected

    def test_codes_are_those_of_a_plain_loop(self) -> None:
        generator = np.random.default_rng(1)
        force, virial = generator.random((2, 4000)) * [[0.5], [0.08]]
        for values in (force, virial):
            odd = [0.0, 0.01, 0.05, 0.1, 0.3, NAN, INF, -INF, 1e308]
            where = generator.random(4000) < 0.3
            values[where] = generator.choice(odd, np.count_nonzero(where))
        alone = self.classify(force, levels=FORCE)
        both = self.classify(force, levels=FORCE, virial_deviation=virial, virial_levels=VIRIAL)
        assert alone.dtype == both.dtype == np.int8
        assert alone.tolist() == [plainly(f, None) for f in force]
        assert both.tolist() == [plainly(f, v) for f, v in zip(force, virial, strict=True)]

    def test_virials_take_part_only_with_levels_of_their_own(self) -> None:
        for virial in (NAN, 0.2):
            found = self.classify(
                np.array([0.05]), levels=FORCE, virial_deviation=np.array([virial])
            )
            assert found.tolist() == [ACCURATE]

    def test_virial_levels_need_a_virial_of_each_sample(self) -> None:
        force = np.array([0.05, 0.05])
        for virial in (None, np.array([0.0])):
            with pytest.raises(ValueError, match="virial"):
                self.classify(force, levels=FORCE, virial_deviation=virial, virial_levels=VIRIAL)

    # -- filters

    def test_close_pairs_are_refused(self) -> None:
        check = self.make_filter(min_distance={"O-Si": 1.3, "Si-Si": 2.0}, density=None)
        assert check(pair(1.29)) == "O-Si closer than 1.3 Å"
        assert check(pair(1.9, "SiSi")) == "Si-Si closer than 2 Å"
        assert check(pair(1.31)) is None

    def test_only_listed_pairs_are_looked_at(self) -> None:
        check = self.make_filter(min_distance={"Si-Si": 2.0, "Na-O": 2.0}, density=None)
        assert check(pair(0.5)) is None
        assert self.make_filter(min_distance={}, density=None)(pair(0.1)) is None

    def test_periodic_images_count(self) -> None:
        check = self.make_filter(min_distance={"O-Si": 1.0, "Si-Si": 3.0}, density=None)
        assert check(pair(9.5)) == "O-Si closer than 1 Å"
        assert check(pair(1.1, length=2.9)) == "Si-Si closer than 3 Å"

    def test_reasons_can_be_counted(self) -> None:
        check = self.make_filter(min_distance={"O-Si": 1.3}, density=(0.01, 0.2))
        assert len({check(pair(d)) for d in (0.2, 0.7, 1.2)}) == 1
        assert len({check(pair(1.5, length=length)) for length in (4.0, 5.0)}) == 1

    def test_density_window_is_in_g_per_cm3(self) -> None:
        check = self.make_filter(min_distance={}, density=(2.0, 3.0))
        silicon = bulk("Si", "diamond", a=5.431, cubic=True)  # 2.329 g/cm3
        assert check(silicon) is None
        for factor, why in ((0.9, "density above 3 g/cm3"), (1.1, "density below 2 g/cm3")):
            scaled = silicon.copy()
            scaled.set_cell(silicon.cell * factor, scale_atoms=True)
            assert check(scaled) == why

    def test_what_is_not_finite_is_refused_before_anything_else(self) -> None:
        for density in (None, (0.01, 0.2), (5.0, 6.0)):
            check = self.make_filter(min_distance={"O-Si": 1.3}, density=density)
            broken = pair(1.0)
            broken.positions[0, 0] = NAN
            assert check(broken) == "positions or cell are not finite"

    # -- the batch

    def test_a_pick_names_its_sample_and_its_frame(self) -> None:
        for ask in asks():
            pools = {pool.name: pool for pool in ask.pools}
            for pick in self.answer(ask).picks:
                pool = pools[pick.walker]
                assert pool.kept[pick.position] == pick.sample
                assert frame_hash(pool.frames[pick.position]) == pick.frame

    def test_picks_have_the_code_of_their_reason(self) -> None:
        for ask in asks():
            pools = {pool.name: pool for pool in ask.pools}
            codes = {"candidate": CANDIDATE, "audit": ACCURATE}
            for pick in self.answer(ask).picks:
                assert pools[pick.walker].code[pick.sample] == codes[pick.why]

    def test_candidates_pass_the_filter(self) -> None:
        for ask in asks():
            frames = ask.hashes(CANDIDATE)
            for pick in self.answer(ask).picks:
                assert pick.why == "audit" or ask.accept(frames[pick.frame]) is None

    def test_what_is_labelled_already_is_not_picked(self) -> None:
        for ask in asks():
            assert not ask.known & {pick.frame for pick in self.answer(ask).picks}

    def test_nothing_is_picked_twice(self) -> None:
        for ask in asks():
            picks = self.answer(ask).picks
            assert len({pick.frame for pick in picks}) == len(picks)

    def test_batch_and_audit_are_full_unless_frames_run_out(self) -> None:
        for ask in asks():
            picks = self.answer(ask).picks
            good = [
                key for key, atoms in ask.hashes(CANDIDATE).items() if ask.accept(atoms) is None
            ]
            audits = {pick.frame for pick in picks if pick.why == "audit"}
            counts = Counter(pick.why for pick in picks)
            assert counts["audit"] == min(ask.audit, len(ask.hashes(ACCURATE)))
            # what finds no accurate frame is labelled from the candidates
            room = ask.batch + ask.audit - counts["audit"]
            assert counts["candidate"] == min(room, len(set(good) - audits))

    def test_order_of_the_walkers_does_not_matter(self) -> None:
        for ask in asks():
            assert self.answer(ask) == self.answer(ask, ask.shuffled)

    def test_the_same_seed_chooses_the_same_and_another_one_others(self) -> None:
        pools = [make_pool("a", [CANDIDATE] * 50), make_pool("b", [ACCURATE] * 50)]
        assert self.choose(pools) == self.choose(pools)
        for options in ({"audit": 0}, {"batch": 0, "audit": 5}):
            batches = [self.choose(pools, seed=seed, **options) for seed in range(10)]
            assert len({frozenset(p.frame for p in batch.picks) for batch in batches}) == 10

    def test_one_walker_with_many_candidates_does_not_crowd_out_the_others(self) -> None:
        pools = [make_pool("long", [CANDIDATE] * 500), make_pool("x", [CANDIDATE] * 3)]
        pools.append(make_pool("y", [CANDIDATE] * 3))
        shares = Counter(pick.walker for pick in self.choose(pools, batch=9, audit=0).picks)
        assert shares == {"long": 3, "x": 3, "y": 3}
        shares = Counter(pick.walker for pick in self.choose(pools, batch=20, audit=0).picks)
        assert shares == {"long": 14, "x": 3, "y": 3}

    def test_refused_frames_are_counted_by_reason_and_replaced(self) -> None:
        pool = make_pool("a", [CANDIDATE] * 20)
        good = {frame_hash(pool.frames[i]) for i in range(0, 20, 4)}
        known = {frame_hash(pool.frames[0])}

        def accept(atoms: Atoms) -> str | None:
            return None if frame_hash(atoms) in good else "too close"

        chosen = self.choose([pool], batch=10, audit=0, accept=accept, known=known)
        assert {pick.frame for pick in chosen.picks} == good - known
        assert chosen.refused == {"labelled before": 1, "too close": 15}

    def test_walkers_that_share_a_frame_have_it_labelled_once(self) -> None:
        one = make_pool("a", [CANDIDATE])
        other = Pool("b", one.code, one.kept, one.frames)
        chosen = self.choose([one, other])
        assert len(chosen.picks) == 1
        assert chosen.refused == {"twice among the walkers": 1}

    def test_a_frame_that_is_not_finite_is_refused_and_stops_nothing(self) -> None:
        pool = make_pool("a", [ACCURATE, ACCURATE])
        pool.frames[0].positions[:] = NAN
        chosen = self.choose([pool], audit=2)
        assert [pick.sample for pick in chosen.picks] == [1]
        assert chosen.refused == {"positions or cell are not finite": 1}

    def test_filters_do_not_apply_to_audit_frames(self) -> None:
        pool = make_pool("a", [ACCURATE, CANDIDATE])
        chosen = self.choose([pool], accept=lambda _: "never")
        assert [pick.why for pick in chosen.picks] == ["audit"]

    def test_audit_is_a_uniform_sample_of_all_accurate_samples(self) -> None:
        """Shares follow the hypergeometric law though both walkers keep four frames."""
        generator = np.random.default_rng(1)
        long, short, others, audit, trials = 9, 5, 6, 4, 1000
        found: Counter[int] = Counter()
        for seed in range(1, trials + 1):
            left = generator.permutation(long)[audit:].tolist()
            pools = [
                make_pool(
                    "long",
                    [ACCURATE] * long + [FAILED] * others,
                    dropped={*left, *range(long, long + others)},
                ),
                make_pool("short", [ACCURATE] * short, dropped={seed % short}),
            ]
            picks = self.choose(pools, batch=0, audit=audit, seed=seed).picks
            assert len(picks) == audit
            found[sum(pick.walker == "short" for pick in picks)] += 1
        for k in range(audit + 1):
            p = comb(short, k) * comb(long, audit - k) / comb(long + short, audit)
            error = (p * (1 - p) / trials) ** 0.5
            assert found[k] / trials == pytest.approx(p, abs=4 * error + 1e-3)

    def test_pools_that_make_no_sense_are_refused(self) -> None:
        pool = make_pool("a", [CANDIDATE])
        with pytest.raises(ValueError, match="same name"):
            self.choose([pool, pool])
        with pytest.raises(ValueError, match="pool a: 1 kept, 0 frames"):
            self.choose([Pool("a", pool.code, pool.kept, [])])

    def test_no_walkers_no_batch(self) -> None:
        assert self.choose([]) == Batch((), {})
