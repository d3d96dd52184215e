-- What goes wrong, the most frequent first: by kind of failure and model, with one message of each as an example.
-- Parameters: days, how far to look back.
SELECT t.status, coalesce(t.error_type, '-') AS error_type, t.model_id,
  count(*) AS trials,
  count(DISTINCT t.run_id) AS runs,
  min(t.error_message) AS example,
  max(t.finished_at) AS last_seen
FROM failures AS t
JOIN runs AS r ON r.run_id = t.run_id
WHERE r.started_at >= current_timestamp() - make_dt_interval(CAST(:days AS INT))
GROUP BY t.status, coalesce(t.error_type, '-'), t.model_id
ORDER BY trials DESC, error_type, model_id;
