"""Options of DeePMD-kit. The defaults suit production for oxides, not a quick look."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from al_loop.campaign.engines import EngineOptions

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Prefactors(EngineOptions):
    """Weights of the loss: from the first while the learning rate is high to the second."""

    energy: tuple[float, float] = Field((0.02, 1.0), description="Start and limit, energy.")
    force: tuple[float, float] = Field((1000.0, 1.0), description="Start and limit, forces.")
    virial: tuple[float, float] = Field(
        (0.02, 1.0), description="Start and limit, virial; not used where no frame has a virial."
    )

    @model_validator(mode="after")
    def _positive(self) -> Prefactors:
        if min(*self.energy, *self.force, *self.virial) < 0:
            raise ValueError("prefactors must not be negative")
        return self


class DeepmdOptions(EngineOptions):
    """A deep potential: descriptor se_e2_a, energy fitting net, Adam."""

    rcut: Positive = Field(6.0, le=15.0, description="Cutoff radius, Å.")
    rcut_smth: Positive = Field(0.5, description="Where the smoothing of 1/r starts, Å.")
    sel: Literal["auto"] | tuple[Count, ...] = Field(
        "auto",
        description="Largest number of neighbours within rcut per element, in the order of "
        "elements; auto: from the training frames, with head-room.",
    )
    neuron: tuple[Count, ...] = Field(
        (25, 50, 100), min_length=1, description="Layers of the embedding net."
    )
    axis_neuron: Count = Field(16, description="Columns of the embedding matrix's axis.")
    fitting_neuron: tuple[Count, ...] = Field(
        (240, 240, 240), min_length=1, description="Layers of the fitting net."
    )
    type_one_side: bool = Field(
        True, description="One embedding net per neighbour's element, not per pair: faster."
    )
    precision: Literal["float64", "float32"] = Field(
        "float64", description="Of the nets; energies are summed in float64 in any case."
    )
    steps: Count = Field(
        400_000, description="Training steps of a cold start; effort multiplies them."
    )
    batch: Literal["auto"] | Count = Field(
        "auto", description="Frames per step; auto: enough for 32 atoms."
    )
    start_lr: Positive = Field(1.0e-3, description="Learning rate at the start.")
    stop_lr: Positive = Field(1.0e-8, description="Learning rate at the end.")
    warm_lr: Positive = Field(
        1.0e-4, description="Learning rate at the start of a warm-started training."
    )
    prefactors: Prefactors = Field(default_factory=Prefactors)
    compress: bool = Field(True, description="Tabulate the embedding net: much faster MD.")
    display_every: Count = Field(1000, description="Steps between two rows of lcurve.out.")
    checkpoint_seconds: float = Field(
        60.0, ge=0, description="Time between two checkpoints: a kill costs no more, s."
    )
    threads: Count = Field(1, description="Threads of TensorFlow; members share the cores.")

    @model_validator(mode="after")
    def _ordered(self) -> DeepmdOptions:
        if self.rcut_smth >= self.rcut:
            raise ValueError(f"rcut_smth ({self.rcut_smth}) must be below rcut ({self.rcut})")
        for name in ("start_lr", "warm_lr"):
            if getattr(self, name) <= self.stop_lr:
                raise ValueError(f"{name} must be above stop_lr ({self.stop_lr})")
        if self.axis_neuron > self.neuron[-1]:
            raise ValueError(
                f"axis_neuron ({self.axis_neuron}) must not exceed the last of neuron "
                f"({self.neuron[-1]})"
            )
        return self
