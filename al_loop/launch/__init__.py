"""How jobs get to machines: FireWorks workflows and workers, or a local pool of processes."""
