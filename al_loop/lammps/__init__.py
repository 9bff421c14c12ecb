"""LAMMPS for whoever runs it: the program, its input and output as text, one process."""
