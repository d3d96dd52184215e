"""The core: trials, plans, scheduling and ranking, as plain data and threads.

Nothing in this package knows PyCaret, Spark, Fugue, MLflow or Delta; a test holds it to that.
"""
