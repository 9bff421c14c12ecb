"""Options of the teacher."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from al_loop.campaign.engines import EngineOptions


class TeacherOptions(EngineOptions):
    """A frozen DeePMD-kit model."""

    model: Path = Field(
        description="The model's file (.pb, .savedmodel, .pth, ...); a relative path counts from "
        "where you type the command. Every machine that labels must see it there."
    )
    closest: float = Field(
        0.4, ge=0.0, le=3.0, description="Frames with atoms closer than this are refused, Å."
    )

    @field_validator("model")
    @classmethod
    def _from_here(cls, model: Path) -> Path:
        """The job runs in another folder."""
        return model.expanduser().absolute()
