-- How often each model was compared, came first, and came among the first three; over all finished runs of a task.
-- Parameters: task_type (classification, regression or time_series).
SELECT l.model_id, max(l.model_name) AS model_name,
  count(*) AS runs,
  count_if(l.rank = 1 AND l.status = 'ok') AS wins,
  count_if(l.rank <= 3 AND l.status = 'ok') AS top_three,
  round(count_if(l.rank = 1 AND l.status = 'ok') / count(*), 3) AS win_share,
  round(avg(l.rank), 1) AS mean_rank
FROM leaderboard AS l
JOIN runs AS r ON r.run_id = l.run_id
WHERE r.status = 'finished' AND r.task_type = :task_type
GROUP BY l.model_id
ORDER BY wins DESC, mean_rank, model_id;
