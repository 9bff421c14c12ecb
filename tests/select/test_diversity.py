"""Farthest-point sampling on atoms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from al_loop.select import Candidate, Environments, diversity, farthest_first


def frame(*points: float, element: int = 0, weight: list[float] | None = None) -> Environments:
    """A frame of atoms with one feature each."""
    return Environments(
        features=np.array(points, dtype=np.float64)[:, None],
        elements=np.full(len(points), element, dtype=np.int64),
        weight=None if weight is None else np.array(weight),
    )


def candidate(
    environments: Environments, *, stratum: str = "s", walker: str = "w", time: float = 0.0
) -> Candidate:
    return Candidate(environments, stratum, walker, time)


def chosen(*args: object, **options: object) -> list[int]:
    return [one.candidate for one in farthest_first(*args, **({"seed": 1} | options))]


def test_one_rare_atom_counts_more_than_many_that_differ_a_little() -> None:
    usual = np.linspace(0.0, 1.0, 100)
    shifted = candidate(frame(*(usual + 0.5)))
    defect = candidate(frame(*usual[:-1], 9.0))
    (best,) = farthest_first([shifted, defect], [frame(*usual)], count=1, seed=1)
    assert (best.candidate, best.atom) == (1, 99)


def test_elements_are_compared_with_themselves_alone() -> None:
    labelled = [frame(0.0, 5.0, element=0), frame(3.0, 4.0, element=1)]
    same = candidate(frame(5.0, element=0))
    other = candidate(frame(5.0, element=1))
    assert chosen([same, other], labelled, count=2) == [1]  # the other is known: never chosen


def test_atoms_of_no_weight_do_not_count() -> None:
    far_but_sure = candidate(frame(0.0, 9.0, weight=[1.0, 0.0]))
    near_and_unsure = candidate(frame(0.0, 2.0, weight=[1.0, 1.0]))
    labelled = [frame(0.0)]
    assert chosen([far_but_sure, near_and_unsure], labelled, count=1) == [1]


def test_order_is_that_of_another_program() -> None:
    """With one atom a frame this is scikit-matter's farthest-point sampling."""
    skmatter = pytest.importorskip("skmatter.sample_selection")
    points = np.random.default_rng(1).normal(size=(200, 5))
    other = skmatter.FPS(initialize=17, n_to_select=60).fit(points.copy())
    kind = np.zeros(1, dtype=np.int64)
    frames = [Environments(point[None], kind) for point in points]
    ours = chosen([candidate(one) for one in frames], [frames[17]], count=59)
    assert ours == other.selected_idx_[1:].tolist()


def test_distances_are_those_of_a_plain_loop_whatever_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(2)

    def some(count: int) -> list[Environments]:
        made = []
        for _ in range(count):
            atoms = int(generator.integers(1, 9))
            kinds = generator.integers(0, 3, atoms)
            made.append(Environments(generator.normal(size=(atoms, 4)), kinds))
        return made

    known, pool = some(10), some(30)
    first = list(farthest_first([candidate(e) for e in pool], known, count=30, seed=1))
    monkeypatch.setattr(diversity, "CHUNK", 7)
    again = list(farthest_first([candidate(e) for e in pool], known, count=30, seed=1))
    assert [one.candidate for one in first] == [one.candidate for one in again]
    spread = {}
    for kind in range(3):
        own = np.concatenate([e.features[e.elements == kind] for e in pool])
        spread[kind] = np.sqrt(np.square(own - own.mean(axis=0)).sum(axis=1).mean())
    for step, one in enumerate(first):
        seen = [*known, *(pool[earlier.candidate] for earlier in first[:step])]
        mine = pool[one.candidate]
        plain = max(
            min(
                np.linalg.norm(x - y) / spread[k]
                for e in seen
                for y, other in zip(e.features, e.elements, strict=True)
                if other == k
            )
            for x, k in zip(mine.features, mine.elements, strict=True)
        )
        assert one.novelty == pytest.approx(plain)
    assert all(a.novelty >= b.novelty - 1e-12 for a, b in itertools.pairwise(first))


def test_every_stratum_has_its_share() -> None:
    hot = [candidate(frame(100.0 * i), stratum="hot", walker=f"h{i}") for i in range(20)]
    cold = [candidate(frame(0.1 * i), stratum="cold", walker=f"c{i}") for i in range(20)]
    picks = chosen([*hot, *cold], [frame(-1.0)], count=8)
    assert sum(i >= 20 for i in picks) == 4


def test_quotas_never_shrink_the_batch() -> None:
    hot = [candidate(frame(100.0 * i), stratum="hot", walker=f"h{i}") for i in range(20)]
    cold = [candidate(frame(0.1), stratum="cold", walker="c")]
    picks = list(farthest_first([*hot, *cold], [frame(-1.0)], count=8, seed=1))
    assert len(picks) == 8
    assert [one.within_quota for one in picks].count(False) == 3  # 4 hot, 1 cold, 3 hot more


def test_frames_of_one_walk_are_apart_in_time_while_there_are_others() -> None:
    walk = [candidate(frame(10.0 + t), time=float(t)) for t in range(10)]
    picks = list(farthest_first(walk, [frame(0.0)], count=5, gap=3.0, seed=1))
    times = [one.candidate for one in picks if one.decorrelated]
    assert times[0] == 9
    assert all(abs(a - b) > 3 for a, b in itertools.combinations(times, 2))
    assert len(picks) == 5  # then the gap is given up
    assert not picks[-1].decorrelated
    other = [candidate(one.environments, walker=f"{i}") for i, one in enumerate(walk)]
    assert all(
        p.decorrelated for p in farthest_first(other, [frame(0.0)], count=5, gap=3.0, seed=1)
    )


def test_refused_frames_are_replaced_and_asked_about_once() -> None:
    asked: list[int] = []

    def accept(one: int) -> bool:
        asked.append(one)
        return one % 2 == 0

    frames = [candidate(frame(float(i)), walker=str(i)) for i in range(1, 21)]
    picks = chosen(frames, [frame(0.0)], count=6, accept=accept)
    assert len(picks) == 6
    assert all(i % 2 == 0 for i in picks)
    assert len(asked) == len(set(asked))


def test_duplicates_are_never_chosen() -> None:
    frames = [candidate(frame(1.0), walker=str(i)) for i in range(5)]
    assert len(chosen(frames, [frame(0.0, 2.0)], count=5)) == 1
    assert chosen(frames, [frame(1.0, 2.0)], count=5) == []


def test_a_seed_makes_the_choice_and_nothing_labelled_is_no_obstacle() -> None:
    points = np.random.default_rng(3).normal(size=50)
    frames = [candidate(frame(float(x)), walker=str(i)) for i, x in enumerate(points)]
    picks = [chosen(frames, [], count=10, seed=seed) for seed in (1, 1, 2)]
    assert picks[0] == picks[1] != picks[2]
    assert chosen([], [], count=3) == []
