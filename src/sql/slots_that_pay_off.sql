-- How many slots (cores of workers) a comparison like that of one run can use: with fewer it takes longer, with more it does
-- not end sooner, because nothing ends before its longest trial. least_seconds is what that many slots would take at best.
-- Parameters: run_id.
SELECT run_id,
  count(*) AS trials,
  round(sum(seconds), 1) AS work_seconds,
  round(max(seconds), 1) AS longest_trial,
  cast(least(count(*), ceil(sum(seconds) / nullif(max(seconds), 0))) AS INT) AS slots_that_pay_off,
  round(max(seconds), 1) AS least_seconds
FROM (
  SELECT run_id, fit_seconds + score_seconds AS seconds FROM trials WHERE run_id = :run_id
) AS timed
GROUP BY run_id;
