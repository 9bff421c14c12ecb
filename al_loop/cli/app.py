"""`al-loop`: its verbs."""

from __future__ import annotations

from al_loop.cli import (
    check,
    control,
    db,
    doctor,
    export,
    glass,
    import_,
    init,
    labels,
    launchpad,
    rehearse,
    report,
    status,
    submitter,
    web,
    worker,
)
from al_loop.cli import run as running
from al_loop.cli.root import new_app

app = new_app()
app.command()(init.init)
app.command()(check.check)
app.command()(running.run)
app.command()(rehearse.rehearse)
app.command()(running.submit)
app.command()(status.status)
app.command()(report.report)
app.command()(report.plot)
app.command()(doctor.doctor)
app.command()(worker.worker)
app.command()(submitter.submitter)
app.command()(control.pause)
app.command()(control.stop)
app.command()(control.resume)
app.command()(control.retry)
app.command()(control.amend)
app.command("import")(import_.import_)
app.add_typer(labels.app, name="labels")
app.add_typer(export.app, name="export")
app.add_typer(glass.app, name="glass")
app.add_typer(db.app, name="db")
app.add_typer(launchpad.app, name="launchpad")
app.add_typer(web.app, name="web")
