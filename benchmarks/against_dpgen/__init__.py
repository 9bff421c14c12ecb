"""The parts of benchmarks/dpgen_loop.py."""
