"""Runners: trials of a frozen experiment, by its kind."""
