"""The command line."""

from bakeoff.cli.app import main

__all__ = ["main"]
