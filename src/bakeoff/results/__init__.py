"""Where a run's results go: the journal on disk, the Delta tables, MLflow and the report."""
