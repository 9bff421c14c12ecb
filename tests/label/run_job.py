"""Run one label job in a process of its own: ``python run_job.py FOLDER [NOTE]``.

NOTE is a file that is made just before the folder's lock is asked for.
"""

from __future__ import annotations

import sys
from pathlib import Path

from al_loop.jobfolder import Clock, JobFolder
from al_loop.label import run_label_job

if __name__ == "__main__":
    folder = JobFolder(Path(sys.argv[1]))
    for note in sys.argv[2:]:
        Path(note).touch()
    with folder.lock():
        run_label_job(folder, Clock())
