"""Strongroom: backup vaults for virtual machines, run from a terminal."""

__version__ = "0.1.0"
