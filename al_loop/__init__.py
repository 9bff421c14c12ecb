"""al_loop: neural-network potentials for oxide glasses by active learning."""
