"""An outage of the database is waited out: which errors pass by themselves, and how long to wait.

Every verb of the store may be done again, so one whose connection broke is simply repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pymongo import errors

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0

_OF_A_SERVER_THAT_ENDS = {
    43,  # CursorNotFound: the server was started again between two parts of an answer
    91,  # ShutdownInProgress
    189,  # PrimarySteppedDown
    10107,  # NotWritablePrimary
    11600,  # InterruptedAtShutdown
    11602,  # InterruptedDueToReplStateChange
    13435,  # NotPrimaryNoSecondaryOk
    13436,  # NotPrimaryOrSecondary
}


def passes_by_itself(error: errors.PyMongoError) -> bool:
    """Whether the same call may succeed later: the server is away, or is ending or starting."""
    if isinstance(error, errors.ConnectionFailure):
        return True
    if isinstance(error, errors.BulkWriteError):
        return any(e["code"] in _OF_A_SERVER_THAT_ENDS for e in error.details["writeErrors"])
    return isinstance(error, errors.OperationFailure) and error.code in _OF_A_SERVER_THAT_ENDS


def persist(action: Callable[[], T], *, seconds: float) -> T:
    """Do ``action``, again and again while its connection breaks, for about ``seconds``.

    ``action`` must be harmless when it is done twice. The driver waits by itself while it finds no
    server (``serverSelectionTimeoutMS``): when that time is up, so is ours.
    """
    end, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            return action()
        except errors.PyMongoError as error:
            gone = isinstance(error, errors.ServerSelectionTimeoutError)
            if gone or not passes_by_itself(error) or time.monotonic() > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
