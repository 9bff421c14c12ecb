"""Data sets in the formats of others: labelled frames into files, and out of them."""

from al_loop.exchange.extxyz import write_extxyz

__all__ = ["write_extxyz"]
