"""PBS Professional, OpenPBS and Torque: qstat for everything."""

from __future__ import annotations

import re
from collections.abc import Sequence

from al_loop.launch.schedulers.interface import Answer, QueueJob, QueueState, ask, refusal

_STATES: dict[str, QueueState] = {
    **dict.fromkeys("QHWTM", "waiting"),
    **dict.fromkeys("RESUB", "running"),
    **dict.fromkeys("FXC", "ended"),
}
"""One letter each: queued, held, waiting, in transit, moved to another server; running, exiting,
suspended (S and U), array begun; finished (PBS Pro), subjob expired, completed (Torque)."""

_UNKNOWN = re.compile(r"Unknown Job Id", re.IGNORECASE)
_FINISHED = re.compile(r"Job has finished", re.IGNORECASE)


class Pbs:
    """A PBS server, asked by its own commands."""

    def jobs(self, ids: Sequence[str]) -> dict[str, QueueJob]:
        """See Scheduler.

        PBS Pro keeps what has ended in a history (``qstat -x``); with Torque, ``-x`` means XML, and
        what has ended is among the others for a while. Only PBS Pro says that a job has finished.
        """
        if not ids:
            return {}
        answer = self._qstat("-f", *ids)
        found = parse_qstat(answer.out)
        finished = [i for i in ids if number(i) in _mentioned(answer.err, _FINISHED)]
        if finished:
            found.update(parse_qstat(self._qstat("-x", "-f", *finished).out))
        return {i: _named(i, found.get(number(i))) for i in ids}

    def cancel(self, id: str) -> None:
        """See Scheduler."""
        command = ("qdel", id)
        answer = ask(*command)
        if answer.code != 0 and not _is_gone(answer):
            raise refusal(command, answer.words())

    def _qstat(self, *words: str) -> Answer:
        command = ("qstat", *words)
        answer = ask(*command)
        if answer.code != 0 and not _is_gone(answer):
            raise refusal(command, answer.words())
        return answer


def parse_qstat(text: str) -> dict[str, QueueJob]:
    """Jobs in the output of ``qstat -f``, by the number that their ids begin with.

    ``Job Id: 123.server``, then ``    key = value`` lines; a line that begins with a tab goes on
    with the value above it. A state that is not known here counts as running: a job that is there
    must not be taken for gone.
    """
    jobs = {}
    text = re.sub(r"\n\t", "", text)
    for part in re.split(r"^Job Id:", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        values: dict[str, str] = dict(
            re.findall(r"^\s+(\S+) = (.*?)\s*$", body, flags=re.MULTILINE)
        )
        job = number(head)
        state = _STATES.get(values.get("job_state", ""), "running")
        exit_code = values.get("Exit_status", values.get("exit_status", ""))
        jobs[job] = QueueJob(job, state, values.get("comment", ""), exit_code)
    return jobs


def number(id: str) -> str:
    """The part of a job's id that is the same wherever it is written: 123 of 123.server.site."""
    return id.strip().partition(".")[0]


def _named(id: str, job: QueueJob | None) -> QueueJob:
    if job is None:
        return QueueJob(id, "unknown")
    return QueueJob(id, job.state, job.reason, job.exit)


def _mentioned(text: str, pattern: re.Pattern[str]) -> set[str]:
    """Numbers of the jobs in lines that match: ``qstat: 123.server Job has finished, use ...``."""
    lines = [line for line in text.splitlines() if pattern.search(line)]
    return {match[1] for line in lines if (match := re.search(r":\s*(\d+(?:\[\d*\])?)", line))}


def _is_gone(answer: Answer) -> bool:
    """Whether all that went wrong is that PBS does not have jobs (any more)."""
    lines = [line for line in answer.err.splitlines() if line.strip()]
    return bool(lines) and all(_UNKNOWN.search(line) or _FINISHED.search(line) for line in lines)
