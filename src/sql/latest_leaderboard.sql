-- The ranking of the newest finished run on one source.
-- Parameters: source, as it stands in runs.source (catalog.schema.table, or a path).
-- A mean that the folds cannot tell from the best one (tied_with_best) is no reason to take the slower model.
SELECT rank, model_name, model_id, status, primary_metric,
  round(primary_value, 4) AS mean,
  round(try_element_at(metrics_std, primary_metric), 4) AS std,
  tied_with_best, n_folds_ok,
  round(fit_seconds, 1) AS fit_seconds,
  error_type
FROM leaderboard_latest
WHERE source = :source
ORDER BY task_type, target, rank;
