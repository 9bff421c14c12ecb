"""Data sets in the formats of others: labelled frames into files, and out of them."""

from al_loop.exchange.extxyz import write_extxyz
from al_loop.exchange.reading import Found, read_data_set

__all__ = ["Found", "read_data_set", "write_extxyz"]
