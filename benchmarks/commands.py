"""`al-loop` as its users call it, for benchmarks of whole campaigns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from al_loop.launch.child import ONE_THREAD

AL_LOOP = str(Path(sys.executable).parent / "al-loop")


def environment() -> dict[str, str]:
    """One thread a process, and the programs of this environment first."""
    bin_folder = str(Path(sys.executable).parent)
    return {
        **os.environ,
        **ONE_THREAD,
        "PATH": f"{bin_folder}:{os.environ.get('PATH', '')}",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def call(folder: Path, *words: str) -> str:
    """What an al-loop command prints; SystemExit with all of it where it fails."""
    done = subprocess.run(
        [AL_LOOP, *words], cwd=folder, env=environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"al-loop {' '.join(words)}:\n{done.stdout[-2000:]}\n{done.stderr}")
    return done.stdout


def status(folder: Path, name: str) -> dict[str, Any]:
    """What `al-loop status` says of a campaign."""
    (campaign,) = json.loads(call(folder, "status", name, "--json"))["campaigns"]
    return dict(campaign)
