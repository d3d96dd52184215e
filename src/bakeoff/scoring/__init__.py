"""Scoring of a table with a model that a run has logged: find the model, check the columns, predict, append once."""
