-- The best model that any run has found for each source and target, and the run it comes from.
-- Only runs that ranked by the same metric are compared with one another; no parameters.
SELECT source, target, primary_metric, model_name, model_id,
  round(primary_value, 4) AS best_value, source_version, n_rows, run_id, started_at
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY source, target, task_type, primary_metric
    ORDER BY CASE WHEN higher_is_better THEN -primary_value ELSE primary_value END, started_at
  ) AS nth
  FROM best_models
  WHERE run_status = 'finished'
) AS ranked
WHERE nth = 1
ORDER BY source, target, primary_metric;
