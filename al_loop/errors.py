"""Everything that al_loop raises on purpose.

::

    AlLoopError
    ├── UserError                 the input is wrong; nothing was started
    │   ├── CampaignFileError     a key of campaign.yaml (with its line)
    │   ├── StructureError        a structure that cannot be made or read
    │   ├── EngineMissing         a program or package that a stage needs
    │   ├── DatasetError          a set of frames or labels that cannot be used
    │   ├── MethodMismatch        labels of two methods would be mixed
    │   └── DatabaseError         MongoDB cannot be started, reached or trusted
    │       └── DatabaseAway      it does not answer now; what was going on can go on later
    ├── MachineError              the machine failed; do it again
    │   ├── JobFolderError        a job folder is missing, foreign or damaged
    │   ├── EngineCrashed         an engine ended without an answer
    │   └── JobStopped            it was asked to stop, and can go on where it was
    └── PhysicsFault              the answer is "no": recorded, never retried blindly

A ``MachineError`` makes a firework FIZZLE. A ``PhysicsFault`` never does: the
one place that catches it is the job that turns it into a result with a reason
and a remedy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path


class AlLoopError(Exception):
    """Root of al_loop's errors: what happened, where, and what to do next."""

    def __init__(self, what: str, *, where: str | Path | None = None, remedy: str = "") -> None:
        self.what = what
        self.where = str(where) if where is not None else ""
        self.remedy = remedy
        super().__init__(what, self.where, remedy)

    def __reduce__(self) -> tuple[Callable[..., AlLoopError], tuple[str, ...]]:
        """Errors cross process boundaries whole."""
        return partial(type(self), where=self.where, remedy=self.remedy), (self.what,)

    @property
    def in_brackets(self) -> str:
        """What happened, and what to do next in brackets: one line, for a list of reasons."""
        return self.what + (f" ({self.remedy})" if self.remedy else "")

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  -> {self.remedy}" if self.remedy else text


class UserError(AlLoopError):
    """The input is wrong. Nothing was started, nothing was changed."""


class CampaignFileError(UserError):
    """One or more keys of a campaign file are wrong."""


class StructureError(UserError):
    """A structure cannot be made or read as asked."""


class EngineMissing(UserError):
    """A program or package that a stage needs is not installed here."""


class DatasetError(UserError):
    """A set of frames or labels cannot be used (NaN, wrong number of forces, ...)."""


class MethodMismatch(UserError):
    """Labels of two methods would end up in one training set."""


class DatabaseError(UserError):
    """MongoDB cannot be started, reached or trusted."""


class DatabaseAway(DatabaseError):
    """MongoDB has not answered for as long as was to be waited. Nothing that is stored is lost."""


class MachineError(AlLoopError):
    """The machine failed, not the physics: the same job may be run again."""


class JobFolderError(MachineError):
    """A job folder is missing, belongs to another job, or is damaged."""


class EngineCrashed(MachineError):
    """An engine ended without an answer; ``what`` holds its last words."""


class JobStopped(MachineError):
    """A job was asked to stop (walltime, `al-loop stop`); no failure, and it goes on later."""


class PhysicsFault(AlLoopError):
    """A calculation whose answer is that there is none (SCF, overlap, explosion).

    Parameters
    ----------
    reason
        Short stable code, for example ``"scf-not-converged"``; counted by status.
    what
        One sentence for a person.
    remedy
        What a person could change.
    """

    def __init__(self, reason: str, what: str, *, remedy: str = "") -> None:
        self.reason = reason
        super().__init__(what, remedy=remedy)

    def __reduce__(self) -> tuple[Callable[..., PhysicsFault], tuple[str, ...]]:
        return partial(type(self), remedy=self.remedy), (self.reason, self.what)
