"""Keep what DeePMD-kit and TensorFlow print, C++ included, in a log file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def chatter_to(log: Path) -> Iterator[TextIO]:
    """Append all that this process prints to ``log``, at the level of file descriptors.

    Libraries write to descriptors 1 and 2 directly (libcudart is missing, ...), past
    ``sys.stderr``. Both are redirected, and given back afterwards. Yields the log, for own words;
    it is written line by line, so that a kill loses none.
    """
    with log.open("a", buffering=1) as stream, contextlib.ExitStack() as stack:
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            getattr(sys, name).flush()
            stack.enter_context(_descriptor(descriptor, stream.fileno()))
        stack.enter_context(contextlib.redirect_stdout(stream))
        stack.enter_context(contextlib.redirect_stderr(stream))
        stack.callback(stream.flush)
        yield stream


@contextlib.contextmanager
def _descriptor(target: int, source: int) -> Iterator[None]:
    kept = os.dup(target)
    os.dup2(source, target)
    try:
        yield
    finally:
        os.dup2(kept, target)
        os.close(kept)


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log; empty when there is none."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])
