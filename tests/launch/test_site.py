"""A site's files: written from a few answers, readable by FireWorks, and checked."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path
from typing import Any

import pytest
from fireworks import FWorker

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.campaign.resources import JobResources
from al_loop.errors import UserError
from al_loop.launch.guard import only_ours
from al_loop.launch.requests import priority, queue_request, warning_before
from al_loop.launch.site import Site, SiteError, read_qadapter
from al_loop.launch.site_check import Finding, check_queues, check_site
from al_loop.launch.site_files import Answers, write_site
from al_loop.resources import resource_folder
from al_loop.store import JobRecord
from tests.campaigns import CHEAP, write_campaign

BOTH = {"gpu": "a100", "cpu": "small"}
ASKED = JobResources.model_validate(
    {"queue": "gpu", "cores": 8, "gpus": 2, "memory": 1.5, "walltime": "1-02:03:04"}
)


def site(folder: Path, **answers: Any) -> Site:
    write_site(folder, Answers(**{"scheduler": "slurm", "queues": BOTH, **answers}))
    return Site(folder)


def script(folder: Path, kind: str, asked: dict[str, Any]) -> list[str]:
    """The job script that FireWorks makes of our files, as qlaunch makes it."""
    adapter = read_qadapter(folder / "qadapters" / f"{kind}.yaml")
    adapter.update(asked)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # FireWorks warns of keys that the template does not know
        text: str = adapter.get_script_str("/a folder/with blanks")
    return text.splitlines()


def test_fireworks_reads_the_files_and_only_ours_pass(tmp_path: Path) -> None:
    site(tmp_path / "site")
    for kind in BOTH:
        worker = FWorker.from_file(str(tmp_path / "site" / "fworkers" / f"{kind}.yaml"))
        assert worker.query["spec._category"] == {"$in": [kind, None]}
        assert worker._query == only_ours()


def test_slurm_is_asked_for_what_the_stage_asked_for(tmp_path: Path) -> None:
    site(tmp_path / "site", account="glass", setup=("module load cuda", "export A=1"))
    lines = script(tmp_path / "site", "gpu", queue_request(ASKED, name="silica 3/train"))
    for wanted in (
        "#SBATCH --job-name=silica-3-train",
        "#SBATCH --partition=a100",
        "#SBATCH --account=glass",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --gres=gpu:2",
        "#SBATCH --mem=1536M",
        "#SBATCH --time=26:03:04",
        "#SBATCH --signal=B:TERM@180",
        "module load cuda",
        "export A=1",
        "export AL_LOOP_GRACE=90",
        'cd "/a folder/with blanks" || exit 1',
    ):
        assert wanted in lines
    assert lines[0] == "#!/bin/bash -l"
    assert lines[-1].startswith("exec ") or lines[-2].startswith("exec ")
    first_command = next(i for i, line in enumerate(lines) if line and line[0] != "#")
    assert not [line for line in lines[first_command:] if line.startswith("#SBATCH")]
    assert not [line for line in lines if "$$" in line]


def test_pbs_is_asked_for_what_the_stage_asked_for(tmp_path: Path) -> None:
    site(tmp_path / "site", scheduler="pbs")
    lines = script(tmp_path / "site", "gpu", queue_request(ASKED, name="silica"))
    for wanted in (
        "#PBS -N silica",
        "#PBS -q a100",
        "#PBS -l ncpus=8",
        "#PBS -l ngpus=2",
        "#PBS -l mem=1536mb",
        "#PBS -l walltime=26:03:04",
        "export AL_LOOP_WALLTIME=26:03:04",
        "export AL_LOOP_GRACE=90",
    ):
        assert wanted in lines
    first_command = next(i for i, line in enumerate(lines) if line and line[0] != "#")
    assert not [line for line in lines[first_command:] if line.startswith("#PBS")]


@pytest.mark.parametrize("scheduler", ["slurm", "pbs"])
def test_what_the_stage_does_not_say_is_the_sites(scheduler: str, tmp_path: Path) -> None:
    site(tmp_path / "site", scheduler=scheduler)
    text = "\n".join(script(tmp_path / "site", "gpu", queue_request(JobResources(), name="x")))
    assert "04:00:00" in text
    assert "account" not in text
    assert "-A" not in text
    no_gpu = queue_request(JobResources(gpus=0), name="x")
    text = "\n".join(script(tmp_path / "site", "gpu", no_gpu))
    assert "gpu:" not in text
    assert "ngpus=" not in [line[:15] for line in text.splitlines() if line.startswith("#PBS")]


def test_a_short_walltime_is_warned_of_late_enough_to_do_something() -> None:
    assert warning_before(60) == 12
    assert warning_before(3600) == 180
    short = queue_request(JobResources(walltime=120), name="x")
    assert short["grace"] < short["warning"] < 120


def test_late_stages_of_old_iterations_come_first() -> None:
    def of(iteration: int, stage: str) -> int:
        job = {"campaign": "c", "iteration": iteration, "stage": stage, "name": "j", "items": ()}
        return priority(JobRecord.model_validate(job))

    order = [of(0, "label"), of(0, "explore"), of(0, "train"), of(1, "label"), of(1, "train")]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) == len(order)
    assert of(1000, "train") > 0, "a firework without priority ranks below all numbers"


def test_nobody_else_can_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        site(tmp_path / "site")
    finally:
        os.umask(before)
    for path in (tmp_path / "site").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_password_stays_in_one_place(tmp_path: Path) -> None:
    database = tmp_path / "my_launchpad.yaml"
    database.write_text("host: h\nname: n\nusername: u\npassword: precious\n")
    database.chmod(0o600)
    site(tmp_path / "site", database=database)
    assert (tmp_path / "site" / "my_launchpad.yaml").resolve() == database
    for path in (tmp_path / "site").rglob("*.*"):
        if path.name != database.name:
            assert "precious" not in path.read_text()


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine").write_text("precious")
    with pytest.raises(UserError, match="something in this folder"):
        site(tmp_path / "site")
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["mine"]


def test_nodes_without_a_database_are_told_nothing_of_it(tmp_path: Path) -> None:
    made = site(tmp_path / "site", offline=True)
    command = str(made.kinds[0].qadapter["rocket_launch"])
    assert command.endswith("--offline")
    assert "launchpad" not in command


def faults(findings: list[Finding]) -> str:
    return "\n".join(f"{one.what} {one.remedy}" for one in findings if not one.good)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda s: (s / "qadapters" / "gpu.yaml").unlink(), "gpu.yaml: a kind of node needs"),
        (lambda s: (s / "qadapters" / "gpu.yaml").write_text("a: ["), "not YAML"),
        (lambda s: (s / "qadapters" / "gpu.yaml").write_text("a: 1"), "not a queue adapter"),
        (lambda s: (s / "templates" / "slurm.txt").unlink(), "slurm.txt is not there"),
        (lambda s: edit(s, "templates/slurm.txt", "exec ", ""), "does not `exec`"),
        (lambda s: edit(s, "templates/slurm.txt", "$${walltime}", "1"), "Key walltime"),
        (lambda s: edit(s, "qadapters/gpu.yaml", 'walltime: "04:00:00"', "a: 1"), "no walltime"),
        (lambda s: edit(s, "qadapters/gpu.yaml", "singleshot", "rapidfire"), "singleshot"),
        (
            lambda s: edit(s, "fworkers/cpu.yaml", "query:", "nothing:"),
            "not the one of this version",
        ),
        (lambda s: edit(s, "fworkers/cpu.yaml", "query: '", "query: 'x"), "not JSON"),
        (lambda s: edit(s, "fworkers/cpu.yaml", "name:", "nom:"), "'name' is missing"),
    ],
)
def test_what_is_wrong_in_a_file_is_found(harm: Any, words: str, tmp_path: Path) -> None:
    site(tmp_path / "site")
    harm(tmp_path / "site")
    assert words in faults(check_site(Site(tmp_path / "site")))


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


def test_a_folder_that_is_no_site_says_so(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="no kinds of node"):
        _ = Site(tmp_path).kinds


@pytest.fixture
def spec(tmp_path: Path) -> CampaignSpec:
    queues = "resources: {{cores: 2, label: {{queue: cpu}}, train: {{queue: big}}}}"
    text = CHEAP.replace("resources: {{cores: 2}}", queues)
    return load_campaign(write_campaign(tmp_path, text, name="cheap"))


def test_each_stage_needs_a_kind_of_node(spec: CampaignSpec, tmp_path: Path) -> None:
    found = check_queues(spec, site(tmp_path / "site"))
    assert "resources.train.queue is big: no kind of node takes it" in faults(found)
    assert "explore jobs go to cpu or gpu" in [one.what for one in found]
    assert "label jobs go to cpu" in [one.what for one in found]


def test_the_shipped_files_are_those_that_init_fills_in() -> None:
    shipped = resource_folder("launchpad")
    for scheduler in ("slurm", "pbs"):
        assert (shipped / "templates" / f"{scheduler}.txt").is_file()
        for kind in BOTH:
            text = (shipped / "qadapters" / f"{scheduler}-{kind}.yaml").read_text()
            assert f"templates/{scheduler}.txt" in text
            assert f"fworkers/{kind}.yaml" in text
