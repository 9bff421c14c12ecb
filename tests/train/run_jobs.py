"""Run train jobs in a process of its own: ``python run_jobs.py FOLDER ...``."""

from __future__ import annotations

import sys
from pathlib import Path

from al_loop.jobfolder import Clock, JobFolder
from al_loop.train import run_train_job

if __name__ == "__main__":
    for argument in sys.argv[1:]:
        folder = JobFolder(Path(argument))
        with folder.lock():
            run_train_job(folder, Clock())
