"""`al-loop import dpgen DIR`, as a person who comes from DP-GEN types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.store import Connection, Store
from tests.cli.conftest import Command
from tests.exchange.test_dpgen import PARAM, run
from tests.loop.test_late_labels import Hands

pytestmark = pytest.mark.engine

__all__ = ["run"]  # a fixture


def test_a_run_is_taken_over_and_goes_on(
    store: Store,
    connection: Connection,
    tmp_path: Path,
    al_loop: Command,
    run: Path,
) -> None:
    site = tmp_path / "site.yaml"
    connection.to_launchpad_file(site)
    (run / "param.json").write_text(json.dumps({**PARAM, "fp_style": "abacus"}))
    command = ("import", "dpgen", run, "--campaign", "taken", "--launchpad", site)
    ran = al_loop(*command)
    assert ran.code == 1
    assert "iteration 1, run_train done; 2 labelled systems" in ran.out
    assert "FILL IN label.engine" in ran.out and "FILL-IN" in ran.out
    text = (tmp_path / "taken.yaml").read_text()
    assert "# - not taken over: fp_incar" not in text
    assert "fp_task_min" in text

    yaml = YAML()
    spec = yaml.load(text)
    spec["label"] = {"engine": "pair", "declared": ["dpgen"]}
    spec["train"] = {"engine": "linear", "members": 2}
    spec["explore"]["engine"] = "ase"
    with (tmp_path / "taken.yaml").open("w") as stream:
        yaml.dump(spec, stream)
    ran = al_loop(*command)
    assert ran.code == 0, ran.err + ran.out
    assert "stays as it is" in ran.out
    assert "imported   8 labels new, 0 were there already, 0 refused" in ran.out

    ctx = Context(store, "taken")
    hands = Hands()
    hands.hold = lambda job: True
    for _ in range(3):
        advance(store, "taken", hands)
    latest = store.iterations.latest("taken")
    assert latest is not None and latest.stage == "train"
    (key,) = {job.items[0] for job in store.jobs.of_stage("taken", 0, "train")}
    assert store.training_sets.frames(key) == store.selections.hashes("taken")
    assert len(ctx.starts) == 2


def test_two_paths_are_one_too_many(al_loop: Command, tmp_path: Path) -> None:
    ran = al_loop("import", tmp_path, tmp_path, "--campaign", "x")
    assert ran.code == 2
    assert "two paths" in ran.err
