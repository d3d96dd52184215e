"""The core: trials, plans, scheduling and ranking, as plain data and threads.

This package imports no PyCaret, Spark, Fugue, MLflow or Delta; a test checks that.
"""
