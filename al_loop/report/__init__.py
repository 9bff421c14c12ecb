"""A campaign told to others: its report and its figures for a paper."""
