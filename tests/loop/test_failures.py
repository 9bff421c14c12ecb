"""Status says what failed, by kind, whose fault it is and what to do; and only of this campaign."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from al_loop.campaign import load_campaign
from al_loop.cli.tables import campaign_view
from al_loop.errors import EngineMissing
from al_loop.launch.submit import register
from al_loop.loop.context import Context
from al_loop.loop.failures import failures_of
from al_loop.loop.status import campaign_status
from al_loop.store import JobRecord, LabelRecord, ModelRecord, Selection, Store
from al_loop.taxonomy import FAULTS
from tests.campaigns import CHEAP, write_campaign

pytestmark = pytest.mark.engine


@pytest.fixture
def ctx(store: Store, tmp_path: Path) -> Context:
    for name in ("cheap", "other"):
        spec = load_campaign(write_campaign(tmp_path, CHEAP, name=name))
        register(store, spec.model_copy(update={"folder": str(tmp_path / name)}), base=tmp_path)
        store.iterations.open(name, 0, "label")
    return Context(store, "cheap")


def choose(store: Store, campaign: str, *frames: str) -> None:
    store.selections.put_many(
        Selection(
            campaign=campaign,
            frame=frame,
            iteration=0,
            chosen="candidate",
            split="train",
            source="quartz",
        )
        for frame in frames
    )


def fail(store: Store, method: str, reason: str, *frames: str) -> None:
    for frame in frames:
        label = LabelRecord(
            frame=frame,
            method=method,
            state="failed",
            reason=reason,
            engine="pair",
            seconds=1.0,
            cores=1,
            host="here",
            when=datetime.now(timezone.utc),
        )
        store.labels.put_many([label])


def found(ctx: Context) -> list[tuple[str, str, int]]:
    status = campaign_status(ctx.store, ctx.record)
    return [(one.of, one.code, one.count) for one in status.failures]


def test_where_nothing_failed_nothing_is_said(ctx: Context) -> None:
    status = campaign_status(ctx.store, ctx.record)
    assert (status.failures, status.quarantined) == ([], [])


def test_failed_labels_are_counted_by_reason_for_this_campaign_and_method(ctx: Context) -> None:
    choose(ctx.store, "cheap", "a", "b", "c", "d")
    choose(ctx.store, "other", "x")
    fail(ctx.store, ctx.method, "atoms-too-close", "a", "b", "x")
    fail(ctx.store, ctx.method, "scf-not-converged", "c")
    fail(ctx.store, "another-method", "tblite-failed", "d")
    assert found(ctx) == [("label", "atoms-too-close", 2), ("label", "scf-not-converged", 1)]


def test_where_the_labeller_is_not_installed_the_status_still_shows(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(ctx.store, "cheap", "a")
    fail(ctx.store, ctx.method, "atoms-too-close", "a")

    def missing(*_: object) -> None:
        raise EngineMissing("tblite is not installed here")

    monkeypatch.setattr("al_loop.loop.context.make_engine", missing)
    assert found(ctx) == [("label", "atoms-too-close", 1)]


def test_a_frame_that_has_a_good_label_now_counts_no_more(ctx: Context) -> None:
    choose(ctx.store, "cheap", "a")
    fail(ctx.store, ctx.method, "killed", "a")
    good = LabelRecord(
        frame="a",
        method=ctx.method,
        state="ok",
        energy=-1.0,
        forces=np.zeros((1, 3)),
        engine="pair",
        seconds=1.0,
        cores=1,
        host="here",
        when=datetime.now(timezone.utc),
    )
    ctx.store.labels.put_many([good])
    assert found(ctx) == []


def test_members_that_diverged_are_counted(ctx: Context) -> None:
    for member in range(3):
        ctx.store.models.put(
            ModelRecord(
                campaign="cheap",
                iteration=0,
                member=member,
                seed=member,
                state="ok" if member == 0 else "failed",
                reason="" if member == 0 else "training-diverged",
                training_set="0" * 64,
                trainer="linear",
                options={},
                parent=None,
            )
        )
    assert found(ctx) == [("model", "training-diverged", 2)]


def test_quarantined_jobs_are_shown_with_their_last_words_and_a_remedy(ctx: Context) -> None:
    jobs = [
        JobRecord(campaign="cheap", iteration=0, stage="label", name=f"chunk-{i:03d}")
        for i in range(6)
    ]
    ctx.store.jobs.put_many(jobs)
    for job in jobs[:5]:
        words = f"frame 7\nslurmstepd: error: Detected 1 oom_kill event in {job.name}"
        ctx.store.jobs.quarantine(job.id, failure="out-of-memory", words=words)
    status = campaign_status(ctx.store, ctx.record)
    (failure,) = status.failures
    assert (failure.of, failure.code, failure.count) == ("job", "out-of-memory", 5)
    assert failure.remedy == FAULTS["out-of-memory"].remedy
    assert [one.job for one in status.quarantined] == [job.id for job in jobs[:5]]
    screen = Console(width=130, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    screen.print(campaign_view(status))
    text = screen.export_text()
    screen.file.close()
    assert "5 jobs" in text
    assert "oom_kill event in chunk-004" in text
    assert text.count("was given up") == 3


def test_a_code_that_nobody_knows_is_shown_all_the_same(ctx: Context) -> None:
    choose(ctx.store, "cheap", "a")
    fail(ctx.store, ctx.method, "reason-of-a-plug-in", "a")
    (one,) = failures_of(ctx.store, ctx.record)
    assert (one.code, one.what, one.count) == ("reason-of-a-plug-in", "reason of a plug in", 1)


@pytest.mark.parametrize("query", [{"state": "failed"}, {"state": "failed", "method": "m"}])
def test_failures_are_counted_without_reading_what_went_well(
    ctx: Context, query: dict[str, str]
) -> None:
    """The index of the failed labels answers, not the collection: history costs nothing."""
    fields = {"_id": 0, "frame": 1, "reason": 1}
    plan = str(ctx.store.database["labels"].find(query, fields).explain()["queryPlanner"])
    assert "PROJECTION_COVERED" in plan
    assert "COLLSCAN" not in plan
