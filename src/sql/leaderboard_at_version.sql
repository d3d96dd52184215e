-- The leaderboard as the table was at an earlier version, for instance before somebody re-ran a run.
-- `DESCRIBE HISTORY leaderboard` lists the versions. VERSION AS OF takes a number and no parameter: write yours for the 1.
-- Parameters: run_id.
SELECT rank, model_id, model_name, status, primary_metric, primary_value, n_folds_ok, finished_at
FROM leaderboard VERSION AS OF 1
WHERE run_id = :run_id
ORDER BY rank;
