"""Protocols from YAML: a file, or one that ships with al_loop."""

from __future__ import annotations

from pathlib import Path

from al_loop.campaign.strict import meant
from al_loop.campaign.yaml_options import parse_options
from al_loop.errors import UserError
from al_loop.glass.make.protocol import Protocol
from al_loop.glass.make.start import FileStart
from al_loop.resources import resource_folder


def protocol_names() -> list[str]:
    """Names of the protocols that ship with al_loop."""
    return sorted(path.stem for path in protocol_folder().glob("*.yaml"))


def protocol_folder() -> Path:
    """Where the files of the protocols that ship with al_loop are."""
    return resource_folder("templates") / "glass"


def load_protocol(name: str | Path) -> Protocol:
    """A protocol from a YAML file, or by the name of one that ships with al_loop.

    A start of kind file is looked for beside the protocol.

    Raises
    ------
    UserError
        There is none, or with one line for each wrong key: where it stands and what is wrong.
    """
    path = Path(name)
    if not path.is_file() and str(name) in protocol_names():
        path = resource_folder("templates") / "glass" / f"{name}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"no protocol: {error.strerror}",
            where=path,
            remedy=f"give a YAML file or a name; {meant(str(name), protocol_names())}",
        ) from None
    except UnicodeDecodeError as error:
        raise UserError(f"is not a text in UTF-8: {error.reason}", where=path) from None
    protocol = parse_options(
        Protocol,
        text,
        where=str(path),
        what="a protocol",
        tags={"steps": 2, "start": 1},
        error=UserError,
    )
    start = protocol.start
    if isinstance(start, FileStart) and start.path:
        beside = start.model_copy(update={"path": str(path.parent / start.path)})
        return protocol.model_copy(update={"start": beside})
    return protocol
