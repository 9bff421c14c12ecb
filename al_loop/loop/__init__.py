"""The campaign's state machine: what is due next, worked out from the store alone."""
