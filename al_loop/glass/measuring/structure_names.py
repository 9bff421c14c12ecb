"""Names of the room of structure as public ones."""

from __future__ import annotations

from al_loop.glass.measuring.names import pair_name


def of_structure(name: str) -> str:
    """The public name of a value or curve of :class:`al_loop.glass.structure.Structure`."""
    head, *rest = name.split("/")
    last = rest[-1] if rest else ""
    if head == "species":
        element, n = last.split("-")
        return f"{element.lower()}{n}"
    if head == "qn":
        return f"qn_{last}" if rest[0] == "Si" else f"qn_{rest[0]}_{last}"
    if head == "angle":
        return "_".join(["angle", *rest]).replace("_maximum", "_peak")
    if head == "mean":
        return "coordination_O" if last == "O-T" else f"coordination_{last}"
    if head in ("length", "closest", "peak"):
        return f"{head}_{pair_name(last)}"
    if name == "S/neutron/wave_vectors":
        return "s_neutron_wave_vectors"
    if head in ("g", "S", "T"):
        return f"{head.lower()}_{_total(head) if not rest else pair_name(last)}"
    if head in ("bridging", "non_bridging"):
        return f"{head}_oxygen"
    return "_".join([head, *rest])


def _total(head: str) -> str:
    return "neutron" if head == "T" else "total"
