"""Execution of trials: engines and their slots, the payload that each worker keeps, and the work of a worker."""
