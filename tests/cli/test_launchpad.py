"""`al-loop launchpad` and `al-loop worker` as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns import CHEAP, write_campaign
from tests.cli.conftest import Command

INIT = ("launchpad", "init", "site", "--scheduler", "slurm", "--account", "")


def test_init_says_what_it_wrote_and_what_is_next(al_loop: Command, tmp_path: Path) -> None:
    ran = al_loop(*INIT, "--gpu-queue", "a100", "--cpu-queue", "")
    assert ran.code == 0, ran.err
    assert f"export FW_CONFIG_FILE={tmp_path}/site/FW_config.yaml" in ran.out.replace("\n", "")
    assert [path.name for path in (tmp_path / "site" / "fworkers").iterdir()] == ["gpu.yaml"]


def test_init_without_a_queue_writes_nothing(al_loop: Command, tmp_path: Path) -> None:
    ran = al_loop(*INIT)
    assert ran.code == 2
    assert "--gpu-queue" in ran.err
    assert not (tmp_path / "site").exists()


def test_init_refuses_a_database_file_that_is_none(al_loop: Command, tmp_path: Path) -> None:
    ran = al_loop(*INIT, "--gpu-queue", "a100", "--database", "nowhere.yaml")
    assert ran.code == 2
    assert "nowhere.yaml" in ran.err
    assert not (tmp_path / "site").exists()


def test_check_ends_with_2_and_says_what_is_wrong(al_loop: Command, tmp_path: Path) -> None:
    al_loop(*INIT, "--gpu-queue", "a100")
    ran = al_loop("launchpad", "check", "site")
    assert ran.code == 2
    assert "NO" in ran.out
    assert "not in order" in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("worker", "--walltime", "soon"), "04:00:00"),
        (("worker", "--offline"), "qlaunch -r"),
        (("worker", "--fworker", "none.yaml"), "none.yaml"),
        (("worker",), "no database is configured"),
        (("submitter", "nowhere"), "nowhere"),
    ],
)
def test_what_is_missing_is_said_with_a_way_out(
    al_loop: Command, arguments: tuple[str, ...], words: str
) -> None:
    ran = al_loop(*arguments)
    assert ran.code == 2
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_a_campaign_is_checked_against_the_site_that_is_to_run_it(
    al_loop: Command, tmp_path: Path
) -> None:
    queue = "resources: {{label: {{queue: bigmem}}}}"
    write_campaign(tmp_path, CHEAP.replace("resources: {{cores: 2}}", queue), name="cheap")
    al_loop(*INIT, "--gpu-queue", "a100")
    ran = al_loop("check", "cheap.yaml", "--site", "site")
    assert ran.code == 2
    assert "resources.label.queue is bigmem" in ran.out
    assert "train jobs go to gpu" in ran.out
