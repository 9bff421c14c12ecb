"""Trust levels from a campaign's own labels, and systems of which its committee knows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from al_loop.campaign import CampaignSpec, dump_campaign, load_campaign
from al_loop.explore import collect_walks
from al_loop.launch.submit import register
from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.loop.explored import explored
from al_loop.loop.judge import recount
from al_loop.loop.novelty import described_candidates
from al_loop.loop.trust import evidence_before
from al_loop.select import CANDIDATE, classify
from al_loop.store import Store
from tests.campaigns import CHEAP, write_campaign
from tests.loop.test_late_labels import NAME, Hands, at, carry_on, state

pytestmark = pytest.mark.engine


def begin(store: Store, folder: Path, *, hot: bool = False, **select: Any) -> CampaignSpec:
    data = dump_campaign(load_campaign(write_campaign(folder, CHEAP, name=NAME)))
    if hot:
        data["explore"]["stages"][0]["temperatures"] = [2500, 4000]
        for structure in data["structures"].values():
            structure["perturb"] |= {"rattle": 0.001, "strain": 0.0}
    data["select"] |= {"batch": 30, "audit": 10, **select}
    data["explore"]["stages"][1] |= {"name": "melt", "steps": 300}
    data["budget"]["iterations"] = 4
    data["folder"] = str(folder / NAME)
    spec = CampaignSpec.model_validate(data)
    register(store, spec, base=folder)
    return spec


def test_levels_follow_from_the_labels_that_there_are(store: Store, tmp_path: Path) -> None:
    spec = begin(store, tmp_path, bearable_error=0.4, trust={"lower": 0.1, "upper": 20.0})
    hands = Hands()
    carry_on(store, hands, lambda: at(store, 3, "label"))
    ctx = Context(store, NAME)

    first = store.iterations.get(NAME, 0)
    assert first is not None and first.calibration is not None
    assert first.calibration.levels == ()  # no label has been predicted yet
    assert first.trust == spec.select.trust

    record = store.iterations.get(NAME, 3)
    assert record is not None and record.calibration is not None
    found = record.calibration
    groups = {one.group for one in found.levels}
    assert "" in groups
    assert "SiO2, melt" in groups
    assert record.trust == found.trust("") != spec.select.trust
    assert found.trust("SiO2, another") == found.trust("")
    # The evidence, again from the labels themselves.
    evidence = evidence_before(ctx, 3)
    chosen = [s for i in range(3) for s in store.selections.of_iteration(NAME, i)]
    told = [s for s in chosen if s.predicted_forces is not None]
    labels = ctx.labels_of([s.frame for s in told])
    good = [s for s in told if labels[s.frame].state == "ok"]
    assert len(evidence.error) == len(good) >= 30
    errors = {}
    for s in good:
        forces = labels[s.frame].forces
        assert forces is not None and s.predicted_forces is not None
        errors[s.frame] = np.sqrt(((s.predicted_forces - forces) ** 2).sum(axis=1)).max()
    assert sorted(evidence.error) == pytest.approx(sorted(errors.values()))
    # Samples are classified by the levels of their group.
    trust = found.trust("SiO2, melt")
    walks = store.walks.of_iteration(NAME, 3)
    codes = np.concatenate([classify(w.max_force_deviation, levels=trust) for w in walks])
    assert record.counts.candidate == np.count_nonzero(codes == CANDIDATE)
    assert (ctx.iteration_folder(3) / "calibration.png").stat().st_size > 10_000


def test_a_frame_is_kept_with_the_atom_that_was_uncertain(store: Store, tmp_path: Path) -> None:
    begin(store, tmp_path)
    carry_on(store, Hands(), lambda: at(store, 0, "label"))
    chosen = [
        s for s in store.selections.of_iteration(NAME, 0) if s.chosen in ("candidate", "audit")
    ]
    assert chosen
    atoms = store.frames.get_many([s.frame for s in chosen])
    for s in chosen:
        assert s.environment is not None
        assert s.environment["deviation"] == pytest.approx(s.deviation)
        assert atoms[s.frame][s.environment["atom"]].symbol == s.environment["element"]
        assert s.group == "SiO2, stage 1"
        assert s.stands_for is not None and s.stands_for >= 1


def test_labels_stand_for_all_samples_and_not_for_those_that_were_kept(
    store: Store, tmp_path: Path
) -> None:
    trust = {"lower": 1e-6, "upper": 50.0}
    begin(store, tmp_path, batch=1, audit=0, diversity=False, trust=trust)
    carry_on(store, Hands(), lambda: at(store, 0, "label"))
    ctx = Context(store, NAME)
    record = store.iterations.get(NAME, 0)
    assert record is not None
    jobs = [job for job in store.jobs.of_stage(NAME, 0, "explore") if job.name != "describe"]
    walks = [walk for job in jobs for walk in collect_walks(ctx.folder_of(job))]
    assert {len(walk.step) for walk in walks} == {13}
    assert all(2 <= len(walk.frames) <= 4 for walk in walks)
    assert record.counts.candidate > 13 * len(walks) - 3  # of a perfect crystal none deviates
    (chosen,) = [s for s in store.selections.of_iteration(NAME, 0) if s.chosen == "candidate"]
    assert chosen.stands_for == record.counts.candidate


def test_audit_frames_of_a_stage_are_put_together(store: Store, tmp_path: Path) -> None:
    begin(store, tmp_path, audit=4)
    carry_on(store, Hands(), lambda: at(store, 3, "train"))
    ctx = Context(store, NAME)
    stored = [store.iterations.get(NAME, i) for i in range(3)]
    assert all(one is not None for one in stored)
    frames = [{s.group: s.frames for s in one.audit} for one in stored if one is not None]
    chosen = [store.selections.of_iteration(NAME, i) for i in range(3)]
    audits = [[s for s in one if s.chosen == "audit"] for one in chosen]
    known = [len(ctx.predicted_and_true(one)) for one in audits]
    assert min(known[1:]) > 0
    assert frames[0] == {"SiO2, stage 1": known[0]}
    assert frames[1] == {"SiO2, melt": known[1]}
    assert frames[2] == {"SiO2, melt": known[1] + known[2]}
    pairs = ctx.predicted_and_true([*audits[1], *audits[2]])
    errors = np.concatenate([np.sqrt(((p - t) ** 2).sum(axis=1)) for p, t in pairs])
    last = stored[2]
    assert last is not None
    assert last.audit[0].error == pytest.approx(np.quantile(errors, 0.95))
    assert last.audit[0].bound is not None
    assert last.audit[0].bound > np.quantile(errors, 0.95)


def test_a_label_that_is_not_believed_is_no_evidence(store: Store, tmp_path: Path) -> None:
    begin(store, tmp_path)
    carry_on(store, Hands(), lambda: at(store, 1, "train"))
    ctx = Context(store, NAME)
    before = evidence_before(ctx, 1)
    audits = [s for s in store.selections.of_iteration(NAME, 0) if s.error is not None]
    store.labels.quarantine(audits[0].frame, ctx.method, reason="by-hand", doubt="a test")
    recount(ctx, 0)
    assert len(evidence_before(ctx, 1).error) == len(before.error) - 1


def test_a_system_above_the_upper_level_starts_from_its_earliest_frames(
    store: Store, tmp_path: Path
) -> None:
    begin(store, tmp_path, trust={"lower": 1e-9, "upper": 1e-8}, batch=6, audit=2)
    hands = Hands()
    carry_on(store, hands, lambda: at(store, 0, "label"))
    chosen = [s for s in store.selections.of_iteration(NAME, 0) if s.chosen == "candidate"]
    assert {s.source.rpartition("-")[0] for s in chosen} >= {"cristobalite-nvt-1500K"}
    assert all(s.step is None or s.step <= 3 * 5 for s in chosen)
    told = [e.text for e in store.events.latest(NAME, 50) if e.kind == "system-stranded"]
    assert any("cristobalite-nvt-1500K" in text and "upper trust level" in text for text in told)
    carry_on(store, hands, lambda: at(store, 1, "train") or state(store) != "running")
    assert at(store, 1, "train")


def test_few_frames_of_walkers_that_died_at_once_are_told_with_the_way_out(
    store: Store, tmp_path: Path
) -> None:
    every = {"lower": 1e-9, "upper": 1e3}
    distances = {"O-Si": 1.48}
    begin(store, tmp_path, trust=every, batch=60, hot=True, min_distance=distances)
    hands = Hands()
    carry_on(store, hands, lambda: at(store, 0, "label") or at(store, 1, "train"))
    chosen = [s for s in store.selections.of_iteration(NAME, 0) if s.chosen == "candidate"]
    (told,) = [e.text for e in store.events.latest(NAME, 50) if e.kind == "batch-short"]
    assert told.startswith(f"{len(chosen)} frames for a batch of 60: 2 of 2 walkers stopped within")
    assert "melt_quench" in told
    assert "select.min_distance has stopped 2 of 2 walkers" in told


def novelty(store: Store, name: str) -> float:
    """How far, on average, a chosen candidate's atoms are from those trained on.

    By sorted distances to the nearest 11 atoms (Å), not by the campaign's descriptors.
    """

    def environments(frames: list[Atoms]) -> np.ndarray:
        rows = []
        for atoms in frames:
            distances = atoms.get_all_distances(mic=True)
            for i in np.flatnonzero(atoms.numbers == 14):
                around = np.sort(distances[i])[1:12]
                rows.append(around)
        return np.array(rows)

    ctx = Context(store, name)
    (key,) = {job.items[0] for job in store.jobs.of_stage(name, 0, "train")}
    known = environments([f.atoms for _, f in ctx.labelled_frames(store.training_sets.frames(key))])
    chosen = [s for s in store.selections.of_iteration(name, 0) if s.chosen == "candidate"]
    atoms = store.frames.get_many([s.frame for s in chosen])
    new = [environments([atoms[s.frame]]) for s in chosen]
    far = [np.linalg.norm(one[:, None] - known[None], axis=2).min(axis=1).max() for one in new]
    return float(np.mean(far))


def test_a_diverse_batch_is_farther_from_what_is_labelled(store: Store, tmp_path: Path) -> None:
    found = {}
    for diversity in (True, False):
        name = f"diverse-{diversity}".lower()
        data = dump_campaign(load_campaign(write_campaign(tmp_path, CHEAP, name=name)))
        data["select"] |= {"batch": 8, "diversity": diversity}
        data["explore"]["stages"][0] |= {"temperatures": [300, 1500, 3000], "steps": 300}
        data["folder"] = str(tmp_path / name)
        register(store, CampaignSpec.model_validate(data), base=tmp_path)
        hands = Hands()
        for _ in range(60):
            advance(store, name, hands)
            latest = store.iterations.latest(name)
            if latest and latest.stage == "label":
                break
        jobs = {job.name for job in store.jobs.of_stage(name, 0, "explore")}
        assert ("describe" in jobs) == diversity
        found[diversity] = novelty(store, name)
    assert found[True] > found[False]


def test_strata_of_a_quench_are_bands_of_temperature(store: Store, tmp_path: Path) -> None:
    data = dump_campaign(load_campaign(write_campaign(tmp_path, CHEAP, name=NAME)))
    quench = {"from": 1500, "to": 500, "rates": [10000]}
    data["explore"]["stages"] = [{"from": ["cristobalite"], "schedule": {"quench": quench}}]
    data["explore"]["sample_every"] = 2
    data["select"]["trust"] = {"lower": 0.001, "upper": 50.0}
    data["folder"] = str(tmp_path / NAME)
    register(store, CampaignSpec.model_validate(data), base=tmp_path)
    carry_on(store, Hands(), lambda: at(store, 0, "label"))
    ctx = Context(store, NAME)
    record = store.iterations.get(NAME, 0)
    assert record is not None
    jobs = [j for j in store.jobs.of_stage(NAME, 0, "explore") if "walkers" in j.name]
    walks = [walk for job in jobs for walk in collect_walks(ctx.folder_of(job))]
    found, _ = explored(ctx, record, walks)
    described = described_candidates(ctx, record, found)
    bands = {int(one.candidate.stratum.split()[-2]) for one in described}
    assert bands >= {1500, 1000, 500}
