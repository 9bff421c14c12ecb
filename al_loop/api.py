"""The small public interface for Python users."""

from __future__ import annotations

from pathlib import Path

from al_loop.campaign import CampaignSpec, load_campaign
from al_loop.launch import control
from al_loop.launch import run as launch_run
from al_loop.loop.check import Checked, check_campaign
from al_loop.loop.context import Context
from al_loop.loop.export import export_dataset
from al_loop.loop.potential import export_model
from al_loop.loop.status import CampaignStatus, campaign_status
from al_loop.store import Connection, Store


class Campaign:
    """A campaign: its file, and the database in which it lives.

    Examples
    --------
    >>> campaign = Campaign.from_file("silica.yaml", Connection.from_launchpad_file(path))
    >>> campaign.run(cores=2)  # doctest: +SKIP
    >>> campaign.status().iterations[-1].test_errors.force_rmse  # doctest: +SKIP
    """

    def __init__(
        self, spec: CampaignSpec, connection: Connection, *, base: str | Path = "."
    ) -> None:
        """``base`` is the folder where relative paths in the campaign start."""
        self.spec = spec
        self.connection = connection
        self.base = Path(base)

    @classmethod
    def from_file(cls, path: str | Path, connection: Connection) -> Campaign:
        """Read a campaign file; CampaignFileError names each wrong key and its line."""
        path = Path(path)
        return cls(load_campaign(path), connection, base=path.parent)

    def check(self) -> Checked:
        """Check engines and structures, and estimate the cost; UserError says what is wrong."""
        return check_campaign(self.spec, base=self.base)

    def submit(self) -> None:
        """Put the campaign up for workers that run elsewhere."""
        launch_run.submit(self.connection, self.spec, base=self.base)

    def run(self, *, cores: int = 1) -> CampaignStatus:
        """Run it to its end on this machine; called again, it continues."""
        launch_run.run(
            self.connection, self.spec, base=self.base, cores=cores, watch=lambda _: None
        )
        return self.status()

    def pause(self) -> None:
        """Put nothing new up; jobs that run end and are kept."""
        control.pause(self.connection, self.spec.name)

    def stop(self) -> None:
        """Stop it; jobs that run save what they have and stop."""
        control.stop(self.connection, self.spec.name)

    def resume(self) -> CampaignStatus:
        """Continue, whatever happened; jobs that were given up are tried again."""
        control.resume(self.connection, self.spec.name)
        return self.status()

    def amend(self, path: str | Path) -> list[str]:
        """Let the campaign ask for what a changed file says; the changes, a line each."""
        spec = load_campaign(Path(path))
        changes = control.amend(self.connection, spec)
        self.spec = spec
        return [str(change) for change in changes]

    def status(self) -> CampaignStatus:
        """Where the campaign stands."""
        with Store(self.connection) as store:
            return campaign_status(store, Context(store, self.spec.name).record)

    def export_model(self, folder: str | Path) -> list[Path]:
        """Write the latest potential into a folder; the files written, the potential first."""
        with Store(self.connection) as store:
            return export_model(Context(store, self.spec.name), Path(folder))

    def export_dataset(self, folder: str | Path, *, fmt: str = "deepmd/npy") -> dict[str, int]:
        """Write all labels (``deepmd/npy`` or ``extxyz``); the number of frames per split."""
        with Store(self.connection) as store:
            return export_dataset(Context(store, self.spec.name), Path(folder), fmt=fmt)
