-- How far the best value of each run lies from the mean of the (at most) seven runs before it on the same question.
-- change is in units of the metric and positive where the run was better, whatever the metric's direction; deviations says
-- how many standard deviations of those runs that is, and is empty until there are two of them.
-- Parameters: source, as it stands in runs.source.
SELECT started_at, run_id, source_version, best_model_id, primary_metric,
  round(best_value, 4) AS best_value,
  round(usual, 4) AS mean_of_7_before,
  round(better * (best_value - usual), 4) AS change,
  round(better * (best_value - usual) / nullif(spread, 0), 1) AS deviations,
  n_before
FROM (
  SELECT *,
    CASE WHEN higher_is_better THEN 1 ELSE -1 END AS better,
    avg(best_value) OVER seven_before AS usual,
    stddev_samp(best_value) OVER seven_before AS spread,
    count(best_value) OVER seven_before AS n_before
  FROM runs
  WHERE status = 'finished' AND source = :source
  WINDOW seven_before AS (
    PARTITION BY target, task_type, primary_metric ORDER BY started_at ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING
  )
) AS history
ORDER BY started_at DESC;
