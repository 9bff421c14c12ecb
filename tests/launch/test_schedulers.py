"""Queues are read as they print; what cannot be asked is never taken for empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_loop.errors import MachineError, UserError
from al_loop.launch.schedulers import QueueJob, scheduler_for
from al_loop.launch.schedulers.pbs import parse_qstat
from al_loop.launch.schedulers.slurm import parse_sacct, parse_scontrol, parse_squeue

# Printed by Slurm 22.05.8.
SQUEUE = """\
3|PENDING|Resources
5|PENDING|Dependency
6|PENDING|JobHeldUser
17_[2-9]|PENDING|Nodes required for job are DOWN, DRAINED or reserved
1|TIMEOUT|TimeLimit
7|COMPLETING|NonZeroExitCode
2|RUNNING|None
"""

SACCT = """\
1|TIMEOUT|7:0
1.batch|CANCELLED|0:15
2|CANCELLED by 1001|0:0
3|RUNNING|0:0
4|OUT_OF_MEMORY|0:125
8|COMPLETED|0:0
9|NODE_FAIL|1:0
"""

SCONTROL = """\
JobId=1 JobName=a JobState=RUNNING b
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   Priority=4294901759 Nice=0 Account=(null) QOS=(null)
   JobState=TIMEOUT Reason=TimeLimit Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=7:0
   RunTime=00:02:35 TimeLimit=00:03:00 TimeMin=N/A
   SubmitTime=2026-11-21T09:55:34 EligibleTime=2026-11-21T09:55:34
   Command=/home/glass/j.sh
   StdOut=/home/glass/slurm-1.out
   Power=

"""

SCONTROL_ONE_LINE = (
    "JobId=4 JobName=bad UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=4294901756 Nice=0 "
    "Account=(null) QOS=(null) JobState=PENDING Reason=Priority Dependency=(null) Requeue=1 "
    "Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0 RunTime=00:00:00 TimeLimit=UNLIMITED\n"
)

# The form of PBS Pro 19 to 22.
QSTAT_PRO = """\
Job Id: 7600424.pbs02
    Job_Name = labels
    Job_Owner = glass@login001.example.org
    resources_used.cput = 00:00:04
    resources_used.walltime = 00:02:08
    job_state = F
    queue = c1_single
    server = pbs02
    exec_vnode = (node0088:ncpus=2:mem=1048576kb:ngpus=0)+(node0094:ncp
\tus=2:mem=1048576kb:ngpus=0)
    Output_Path = login001.example.org:/home/glass/labels.o760042
\t4
    Variable_List = PBS_O_HOME=/home/glass,PBS_O_LANG=en_US.UTF-8,
\tPBS_O_NOTE=job_state = Q,PBS_O_HOST=login001.example.org
    comment = Job run at Tue Dec 13 at 14:09 on (node0088:ncpus=2:mem=1048576kb
\t:ngpus=0) and failed
    Exit_status = 271

Job Id: 174187629.pbs02
    Job_Name = train
    job_state = Q
    queue = normal
    Resource_List.walltime = 48:00:00
    comment = Not Running: Insufficient amount of resource: ncpus
    estimated.start_time = Tue Jul 21 03:00:00 2026

"""

# The form of Torque 4 to 6.
QSTAT_TORQUE = """\
Job Id: 69301.mother.example.org
    Job_Name = FW_job
    Job_Owner = glass@mother.example.org
    job_state = C
    queue = batch
    exit_status = -11
    comp_time = Thu Jun  2 10:11:12 2022

Job Id: 69302.mother.example.org
    Job_Name = FW_job
    job_state = R
    queue = batch

"""


def test_squeue_states_and_reasons() -> None:
    jobs = parse_squeue(SQUEUE)
    assert jobs["3"] == QueueJob("3", "waiting", "Resources")
    assert jobs["6"] == QueueJob("6", "waiting", "JobHeldUser")
    assert jobs["17_[2-9]"].reason == "Nodes required for job are DOWN, DRAINED or reserved"
    assert jobs["1"] == QueueJob("1", "ended", "TIMEOUT")
    assert jobs["2"] == QueueJob("2", "running")
    assert jobs["7"].state == "running"  # its processes may still be there
    assert parse_squeue("") == {}


def test_sacct_says_how_jobs_ended_without_their_steps() -> None:
    jobs = parse_sacct(SACCT)
    assert jobs["1"] == QueueJob("1", "ended", "TIMEOUT", "7:0")
    assert jobs["2"] == QueueJob("2", "ended", "CANCELLED by 1001", "0:0")
    assert jobs["3"].state == "running"
    assert jobs["4"] == QueueJob("4", "ended", "OUT_OF_MEMORY", "0:125")
    assert set(jobs) == {"1", "2", "3", "4", "8", "9"}


def test_scontrol_in_both_its_forms() -> None:
    assert parse_scontrol(SCONTROL_ONE_LINE) == {"4": QueueJob("4", "waiting", "Priority")}
    assert parse_scontrol(SCONTROL) == {"1": QueueJob("1", "ended", "TIMEOUT", "7:0")}


@pytest.mark.parametrize("parse", [parse_squeue, parse_sacct])
def test_a_state_that_slurm_may_yet_invent_is_not_taken_for_an_end(parse: object) -> None:
    assert callable(parse)
    assert parse("1|TELEPORTING|0:0\n")["1"].state == "running"


def test_qstat_of_pbs_pro_with_lines_that_go_on() -> None:
    jobs = parse_qstat(QSTAT_PRO)
    ended = jobs["7600424"]
    assert (ended.state, ended.exit) == ("ended", "271")
    assert ended.reason.endswith("(node0088:ncpus=2:mem=1048576kb:ngpus=0) and failed")
    waiting = "Not Running: Insufficient amount of resource: ncpus"
    assert jobs["174187629"] == QueueJob("174187629", "waiting", waiting)


def test_qstat_of_torque() -> None:
    jobs = parse_qstat(QSTAT_TORQUE)
    assert jobs["69301"] == QueueJob("69301", "ended", "", "-11")
    assert jobs["69302"] == QueueJob("69302", "running")


class Programs:
    """Programs that print what they are told to, alone in PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def say(self, name: str, *, out: str = "", err: str = "", code: int = 0) -> None:
        """Make a program; it notes how it was called."""
        (self.folder / f"{name}.out").write_text(out)
        (self.folder / f"{name}.err").write_text(err)
        script = self.folder / name
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {self.folder}/{name}.calls\n'
            f"/bin/cat {self.folder}/{name}.out\n/bin/cat {self.folder}/{name}.err >&2\n"
            f"exit {code}\n"
        )
        script.chmod(0o755)

    def calls(self, name: str) -> list[str]:
        """How a program was called."""
        file = self.folder / f"{name}.calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv("PATH", str(tmp_path))
    return Programs(tmp_path)


def test_every_job_that_is_asked_for_gets_an_answer(programs: Programs) -> None:
    programs.say("squeue", out=SQUEUE)
    programs.say("sacct", out=SACCT)
    jobs = scheduler_for("SLURM").jobs(["2", "3", "1", "8", "77"])
    assert jobs["2"].state == "running"
    assert jobs["3"].state == "waiting"
    assert jobs["1"] == QueueJob("1", "ended", "TIMEOUT", "7:0")
    assert jobs["8"] == QueueJob("8", "ended", "COMPLETED", "0:0")
    assert jobs["77"] == QueueJob("77", "unknown")
    assert programs.calls("sacct")[0].endswith("--jobs=1,8,77")


def test_accounts_that_call_a_job_running_do_not_outweigh_a_queue_without_it(
    programs: Programs,
) -> None:
    programs.say("squeue")
    programs.say("sacct", out="3|RUNNING|0:0\n")
    assert scheduler_for("SLURM").jobs(["3"]) == {"3": QueueJob("3", "unknown")}


def test_a_cluster_without_accounts_is_asked_by_scontrol(programs: Programs) -> None:
    programs.say("squeue", out="1|TIMEOUT|TimeLimit\n")
    programs.say("sacct", err="Slurm accounting storage is disabled\n", code=1)
    programs.say("scontrol", out=SCONTROL)
    assert scheduler_for("SLURM").jobs(["1"])["1"] == QueueJob("1", "ended", "TIMEOUT", "7:0")


def test_a_job_that_slurm_has_forgotten_is_unknown(programs: Programs) -> None:
    programs.say("squeue", err="slurm_load_jobs error: Invalid job id specified\n", code=1)
    programs.say("sacct", err="Slurm accounting storage is disabled\n", code=1)
    programs.say("scontrol", err="slurm_load_jobs error: Invalid job id specified\n", code=1)
    assert scheduler_for("SLURM").jobs(["9"]) == {"9": QueueJob("9", "unknown")}


@pytest.mark.parametrize(
    ("kind", "program", "words", "code"),
    [
        (
            "SLURM",
            "squeue",
            "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
            1,
        ),
        ("SLURM", "squeue", "slurm_load_jobs error: Socket timed out on send/recv operation", 1),
        (
            "PBS",
            "qstat",
            "Connection refused\nqstat: cannot connect to server (errno=15010)",
            1,
        ),
        ("PBS", "qstat", "qstat: Unknown Job Id 1.pbs\nqstat: End of File", 1),
    ],
)
def test_a_queue_that_cannot_be_asked_is_an_error_with_its_words(
    programs: Programs, kind: str, program: str, words: str, code: int
) -> None:
    programs.say(program, err=words + "\n", code=code)
    with pytest.raises(MachineError) as error:
        scheduler_for(kind).jobs(["1"])
    assert words in str(error.value)


@pytest.mark.parametrize("kind", ["SLURM", "PBS"])
def test_a_machine_without_the_scheduler_is_an_error(programs: Programs, kind: str) -> None:
    with pytest.raises(MachineError, match="cannot be run here"):
        scheduler_for(kind).jobs(["1"])


def test_a_scheduler_that_hangs_is_an_error(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("al_loop.launch.schedulers.interface.TIMEOUT_SECONDS", 0.2)
    programs.say("squeue")
    (programs.folder / "squeue").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    with pytest.raises(MachineError, match="no answer after"):
        scheduler_for("SLURM").jobs(["1"])


def test_nothing_is_asked_about_no_jobs(programs: Programs) -> None:
    assert scheduler_for("SLURM").jobs([]) == scheduler_for("PBS").jobs([]) == {}


def test_pbs_pro_is_asked_for_its_history_when_it_says_that_there_is_one(
    programs: Programs,
) -> None:
    finished = "Job has finished, use -x or -H to obtain historical job information"
    programs.say(
        "qstat",
        out=QSTAT_PRO,
        err=f"qstat: 7600424.pbs02 {finished}\nqstat: Unknown Job Id 5.pbs02\n",
        code=35,
    )
    jobs = scheduler_for("PBS").jobs(["7600424.pbs02", "5", "174187629"])
    assert [(job.id, job.state) for job in jobs.values()] == [
        ("7600424.pbs02", "ended"),
        ("5", "unknown"),
        ("174187629", "waiting"),
    ]
    assert programs.calls("qstat") == [
        "-f 7600424.pbs02 5 174187629",
        "-x -f 7600424.pbs02",
    ]


@pytest.mark.parametrize(
    ("kind", "program", "words", "code"),
    [
        ("SLURM", "scancel", "scancel: error: Kill job error on job id 9: Invalid job id", 1),
        ("PBS", "qdel", "qdel: Unknown Job Id 9.pbs", 153),
        ("PBS", "qdel", "qdel: Job has finished 9.pbs", 35),
    ],
)
def test_cancelling_what_has_ended_is_fine(
    programs: Programs, kind: str, program: str, words: str, code: int
) -> None:
    programs.say(program, err=words + "\n", code=code)
    scheduler_for(kind).cancel("9")
    assert programs.calls(program) == ["9"]


@pytest.mark.parametrize(
    ("kind", "program", "words"),
    [
        (
            "SLURM",
            "scancel",
            "Kill job error on job id 9: Access/permission denied",
        ),
        ("PBS", "qdel", "qdel: Unauthorized Request 9.pbs"),
    ],
)
def test_cancelling_what_one_may_not_is_an_error(
    programs: Programs, kind: str, program: str, words: str
) -> None:
    programs.say(program, err=words + "\n", code=1)
    with pytest.raises(MachineError, match=words):
        scheduler_for(kind).cancel("9")


def test_a_kind_of_queue_that_is_not_known_names_those_that_are() -> None:
    with pytest.raises(UserError, match="SLURM"):
        scheduler_for("LoadLeveler")
