"""Arrays in documents: raw bytes with type and shape, so that every bit comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from bson.binary import Binary
from numpy.typing import NDArray

from al_loop.errors import DatasetError
from al_loop.units import Array

LARGEST = 12 << 20
"""Bytes of arrays that one document may hold; MongoDB's limit is 16 MiB for all of it."""


def pack(array: NDArray[Any]) -> dict[str, Any]:
    """Array -> {dtype, shape, data}; little-endian, C order."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {
        "dtype": little.dtype.str,
        "shape": list(array.shape),
        "data": Binary(little.tobytes()),
    }


def unpack(packed: Mapping[str, Any]) -> NDArray[Any]:
    """Writable array from what :func:`pack` made."""
    raw = np.frombuffer(packed["data"], dtype=np.dtype(packed["dtype"]))
    return raw.reshape(packed["shape"]).copy()


def pack_floats(array: Array, *, what: str) -> dict[str, Any]:
    """Array as float64; DatasetError when it is too large for one document."""
    values = np.asarray(array, dtype=np.float64)
    if values.nbytes > LARGEST:
        raise DatasetError(
            f"{what}: {values.nbytes >> 20} MiB, more than a document of MongoDB can hold",
            remedy="use a smaller configuration",
        )
    return pack(values)
