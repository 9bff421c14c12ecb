"""Slurm: squeue for what waits and runs, sacct (or scontrol) for how it ended."""

from __future__ import annotations

import re
from collections.abc import Sequence

from al_loop.errors import MachineError
from al_loop.launch.schedulers.interface import Answer, QueueJob, QueueState, ask, refusal

SQUEUE = ("squeue", "--noheader", "--all", "--states=all", "--format=%i|%T|%r")
SACCT = ("sacct", "--noheader", "--parsable2", "--allocations")
SACCT_FORMAT = "--format=JobIDRaw,State,ExitCode"
SCONTROL = ("scontrol", "--all", "--oneliner", "show", "job")

_STATES: dict[str, QueueState] = {
    "PENDING": "waiting",
    "REQUEUED": "waiting",
    "REQUEUE_FED": "waiting",
    "REQUEUE_HOLD": "waiting",
    "RESV_DEL_HOLD": "waiting",
    "SPECIAL_EXIT": "waiting",
    "BOOT_FAIL": "ended",
    "CANCELLED": "ended",
    "COMPLETED": "ended",
    "DEADLINE": "ended",
    "FAILED": "ended",
    "LAUNCH_FAILED": "ended",
    "NODE_FAIL": "ended",
    "OUT_OF_MEMORY": "ended",
    "PREEMPTED": "ended",
    "RECONFIG_FAIL": "ended",
    "REVOKED": "ended",
    "TIMEOUT": "ended",
}
"""All others run, those included that are not known here: a job that is there is not over."""

_NOT_THERE = "Invalid job id"
_EXIT = re.compile(r"\bExitCode=(\d+:\d+)")
_ID = re.compile(r"^JobId=(\S+)")
_STATE = re.compile(r"\bJobState=(\S+) Reason=(\S+)")  # a job's name may hold anything


class Slurm:
    """A Slurm cluster, asked by its own commands."""

    def jobs(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See Scheduler. What squeue no longer has, sacct remembers where a site keeps accounts."""
        if not ids:
            return {}
        found = self._queued(ids)
        over = [i for i in ids if i not in found or found[i].state == "ended"]
        endings = self._ended(over) if over else {}
        return {i: endings.get(i) or found.get(i) or QueueJob(i, "unknown") for i in ids}

    def cancel(self, id: str) -> None:
        """See Scheduler."""
        command = ("scancel", id)
        answer = ask(*command)
        if answer.code != 0 and not _is_gone(answer):
            raise refusal(command, answer.words())

    def _queued(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        command = (*SQUEUE, f"--jobs={','.join(ids)}")
        answer = ask(*command)
        if answer.code != 0 and not _is_gone(answer):
            raise refusal(command, answer.words())
        return parse_squeue(answer.out)

    def _ended(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """How jobs ended, as far as it is recorded: this may be nowhere, which is no failure."""
        try:
            answer = ask(*SACCT, SACCT_FORMAT, f"--jobs={','.join(ids)}")
        except MachineError:
            answer = Answer("", "there is no sacct", 1)
        if answer.code == 0:
            known = parse_sacct(answer.out)
        else:
            known = {}
            for one in ids:
                known.update(parse_scontrol(ask(*SCONTROL, one).out))
        return {i: known[i] for i in ids if i in known and known[i].state == "ended"}


def parse_squeue(text: str) -> dict[str, QueueJob]:
    """Jobs in the output of ``squeue --noheader --format=%i|%T|%r``."""
    jobs = {}
    for line in text.splitlines():
        id, state, reason = ([*line.strip().split("|", 2), "", ""])[:3]
        if id and state:
            jobs[id] = _job(id, state, reason)
    return jobs


def parse_sacct(text: str) -> dict[str, QueueJob]:
    """Jobs in the output of ``sacct --noheader --parsable2 --format=JobIDRaw,State,ExitCode``.

    A state may carry who did it: ``CANCELLED by 1000``.
    """
    jobs = {}
    for line in text.splitlines():
        id, state, exit_code = ([*line.strip().split("|", 2), "", ""])[:3]
        if state and "." not in id:
            jobs[id] = _job(id, state, "", exit_code)
    return jobs


def parse_scontrol(text: str) -> dict[str, QueueJob]:
    """Jobs in the output of ``scontrol --oneliner show job``, or of the form of many lines."""
    jobs = {}
    for part in re.split(r"(?=^JobId=)", text, flags=re.MULTILINE):
        id, state, exit_code = _ID.search(part), _STATE.search(part), _EXIT.search(part)
        if id and state:
            jobs[id[1]] = _job(id[1], state[1], state[2], exit_code[1] if exit_code else "")
    return jobs


def _job(id: str, state: str, reason: str, exit_code: str = "") -> QueueJob:
    """A job whose state is Slurm's word; that word is an ended one's reason."""
    kind = _STATES.get(state.split()[0].rstrip("+"), "running")
    if kind == "ended":
        return QueueJob(id, kind, state.rstrip("+"), exit_code)
    return QueueJob(id, kind, "" if reason == "None" else reason)


def _is_gone(answer: Answer) -> bool:
    """Whether all that went wrong is that Slurm does not have the job (any more)."""
    lines = [line for line in answer.err.splitlines() if line.strip()]
    return bool(lines) and all(_NOT_THERE in line for line in lines)
