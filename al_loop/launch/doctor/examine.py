"""The examination: mend if asked to, then say what is left."""

from __future__ import annotations

from pathlib import Path

from al_loop.errors import AlLoopError, DatabaseError, UserError
from al_loop.launch.doctor.campaigns import campaign as campaign_findings
from al_loop.launch.doctor.campaigns import figures
from al_loop.launch.doctor.database import clock_ahead, database, round_trip_ms
from al_loop.launch.doctor.disk import disk
from al_loop.launch.doctor.folders import campaign_folders, finished_jobs, folder_findings
from al_loop.launch.doctor.report import Figures, Finding, Report
from al_loop.launch.launchpad import open_launchpad
from al_loop.launch.mending import PATIENCE, Mended, Scene, damage, mend
from al_loop.store import Connection, Store


def examine(connection: Connection, name: str | None = None, *, fix: bool = False) -> Report:
    """Look at one campaign, or all of a database; with ``fix``, mend what needs no person.

    Raises
    ------
    DatabaseError
        The database does not answer: see :func:`examine_without_database`.
    UserError
        There is no campaign of this name.
    """
    hurried = connection.with_patience(PATIENCE)
    with Store(hurried) as store, open_launchpad(hurried) as launchpad:
        if name is not None and store.campaigns.get(name) is None:
            raise UserError(
                f"there is no campaign called {name!r} in this database",
                remedy="`al-loop status` lists the campaigns",
            )
        mended: list[Mended] = []
        findings: list[Finding] = []
        if fix:
            try:
                mended = mend(store, launchpad, name, patience=PATIENCE)
            except DatabaseError:
                raise
            except AlLoopError as error:  # an engine that is not here, a folder that is not ours
                findings.append(Finding("campaign-failed", error.where, error.what, error.remedy))
        ms, ahead = round_trip_ms(store), clock_ahead(store)
        findings += database(store, ms=ms, ahead=ahead)
        scene = Scene(store, launchpad, name)
        for record in scene.campaigns:
            if record.state in ("running", "paused"):
                findings += disk(Path(record.folder))
            findings += campaign_findings(scene, record)
        findings += [
            Finding(one.code, one.where, one.words) for one in damage(scene, patience=PATIENCE)
        ]
        rows = tuple(figures(scene, record) for record in scene.campaigns)
    return Report(findings, mended, Figures(ms, ahead, rows))


def examine_without_database(error: DatabaseError, place: Path) -> Report:
    """What can be said when the database does not answer: why, and how the folders here look."""
    findings = [Finding("database-away", error.where, error.what, error.remedy)]
    for folder in campaign_folders(place):
        done, jobs = finished_jobs(folder)
        findings += folder_findings(folder)
        if done:
            words = f"{done} of the {jobs} jobs of the newest iteration have their results here"
            findings.append(
                Finding("result-waiting", str(folder), words, "they are taken in when it is back")
            )
    return Report(findings)
