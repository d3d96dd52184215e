"""Frequencies as the pandas at hand spells them; 2.2 renamed many."""

from __future__ import annotations

import warnings

import pandas as pd


def spelled(frequency: str | pd.DateOffset) -> str:
    """Return the name of the frequency of periods; given by a name that every pandas reads, or as an offset."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of business days
        return str(pd.period_range("2019", periods=1, freq=frequency).freqstr)
