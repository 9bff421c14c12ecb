"""What FireWorks may make of a document: our two tasks, and no other object.

FireWorks reads whole workflows, also parts that nobody is going to run, and imports whatever
module a document names. The query by which a worker takes only our fireworks does not see the
other fireworks of a workflow, or what a former launch has stored; this does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fireworks.utilities import fw_serializers

from al_loop.errors import UserError

COMPUTE = "{{al_loop.launch.tasks.ComputeTask}}"
ADVANCE = "{{al_loop.launch.tasks.AdvanceTask}}"


class NotOurs(UserError):
    """A firework that is not, or does not look like, a job of al_loop."""


_lock = threading.Lock()
_within = 0
_fireworks_own = fw_serializers._recursive_load


@contextmanager
def only_our_objects() -> Iterator[None]:
    """Within, FireWorks raises NotOurs instead of importing what a document names.

    FireWorks has one function for this, and it is the process's: other users of FireWorks in this
    process get it back afterwards.
    """
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def _count(step: int) -> None:
    global _within
    with _lock:
        _within += step
        fw_serializers._recursive_load = _load if _within else _fireworks_own


def _load(value: Any) -> Any:
    """As FireWorks' own, which calls this again for what is inside."""
    if isinstance(value, Mapping):
        for key in ("_fw_name", "@class", "@module"):
            if key in value and value[key] not in (COMPUTE, ADVANCE):
                raise NotOurs(
                    f"a document of FireWorks names the class {str(value[key])[:100]!r}: "
                    "it is not read",
                    remedy="somebody else writes to this database (docs/security.md); "
                    "`al-loop resume NAME` puts a campaign's jobs up anew",
                )
    return _fireworks_own(value)
