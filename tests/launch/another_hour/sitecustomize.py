"""A process whose time of day is off by SECONDS_OFF seconds, as on a node with a wrong clock.

Python imports this by itself at its start when the folder is in PYTHONPATH. (libfaketime would do
it for any program, but makes a sleep of Python 3.11 fail now and then.)
"""

import datetime
import os
import time

_OFF = int(os.environ["SECONDS_OFF"])
_Right = datetime.datetime
_time, _time_ns = time.time, time.time_ns


class _Like(type):
    """Datetimes that were made elsewhere (C code, the driver) are datetimes, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Right)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, _Right)


class _Wrong(_Right, metaclass=_Like):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _Right:
        return _Right.now(tz) + datetime.timedelta(seconds=_OFF)

    @classmethod
    def utcnow(cls) -> _Right:
        return _Right.utcnow() + datetime.timedelta(seconds=_OFF)


time.time = lambda: _time() + _OFF
time.time_ns = lambda: _time_ns() + _OFF * 10**9
datetime.datetime = _Wrong  # type: ignore[misc]
