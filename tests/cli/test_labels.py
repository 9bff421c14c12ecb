"""`al-loop labels` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from al_loop.loop.context import Context
from al_loop.store import Connection, Store
from tests.cli.conftest import Command
from tests.loop.test_late_labels import NAME, Hands, at, begin, carry_on

pytestmark = pytest.mark.engine


def test_labels_are_reviewed_released_and_put_into_quarantine(
    store: Store, connection: Connection, tmp_path: Path, al_loop: Command
) -> None:
    begin(store, tmp_path)
    site = tmp_path / "site.yaml"
    connection.to_launchpad_file(site)
    carry_on(store, Hands(), lambda: at(store, 0, "explore"))
    ran = al_loop("labels", "review", NAME, "--launchpad", site, "--json")
    assert ran.code == 0, ran.err
    (row,) = json.loads(ran.out)  # one of the starting frames has such a force by itself
    assert (row["reason"], row["state"]) == ("force-too-large", "quarantined")
    frame = row["frame"]
    table = al_loop("labels", "review", NAME, "--launchpad", site)
    assert frame[:12] in table.out and "label.quality.max_force" in table.out

    ran = al_loop("labels", "release", NAME, frame[:7], "--launchpad", site)
    assert (ran.code, ran.out.split()[:2]) == (0, ["released", "1"])
    assert Context(store, NAME).labels_of([frame])[frame].released
    ran = al_loop("labels", "review", NAME, "--launchpad", site)
    assert "every label is believed" in ran.out

    ran = al_loop("labels", "quarantine", NAME, frame, "--why", "no", "--launchpad", site)
    assert ran.code == 0
    assert Context(store, NAME).labels_of([frame])[frame].reason == "by-hand"
    status = al_loop("status", NAME, "--launchpad", site)
    assert "quarantined label" in status.out and "by-hand" in status.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["labels", "release", NAME], "no frame is named"),
        (["labels", "release", NAME, "zzzzzz"], "does not name one frame"),
        (["labels", "release", "nobody", "zzzzzz"], "no campaign called"),
    ],
)
def test_what_cannot_be_done_is_said(
    store: Store,
    connection: Connection,
    tmp_path: Path,
    al_loop: Command,
    arguments: list[str],
    words: str,
) -> None:
    begin(store, tmp_path)
    site = tmp_path / "site.yaml"
    connection.to_launchpad_file(site)
    ran = al_loop(*arguments, "--launchpad", site)
    assert ran.code == 2
    assert words in ran.err.replace("\n", " ")
