-- Which models the time goes to: seconds of fitting by model, and what share of the whole that is. What costs much and never
-- comes near the top is a candidate for --exclude.
-- Parameters: run_id, of one run; empty for all runs.
SELECT model_id, max(model_name) AS model_name,
  count(DISTINCT run_id) AS runs,
  round(sum(fit_seconds), 1) AS fit_seconds,
  round(sum(fit_seconds) / nullif(sum(sum(fit_seconds)) OVER (), 0), 3) AS share,
  round(max(fit_seconds), 1) AS longest_run,
  min(rank) AS best_rank
FROM leaderboard
WHERE :run_id = '' OR run_id = :run_id
GROUP BY model_id
ORDER BY fit_seconds DESC, model_id;
