-- The second task of the job: fails, with a sentence that says why, where the tables lack what a finished run leaves.
-- Parameters: catalog, schema, run_id.
WITH asked AS (
  SELECT * FROM IDENTIFIER(:catalog || '.' || :schema || '.runs') WHERE run_id = :run_id AND status = 'finished'
), board AS (
  SELECT * FROM IDENTIFIER(:catalog || '.' || :schema || '.leaderboard') WHERE run_id = :run_id
), good_trials AS (
  SELECT DISTINCT model_id, fold FROM IDENTIFIER(:catalog || '.' || :schema || '.trials')
  WHERE run_id = :run_id AND status = 'ok'
    AND model_id IN (SELECT model_id FROM board)  -- of the candidates of a tuning, the best of each family is ranked
)
SELECT
  assert_true(
    (SELECT count(*) FROM asked) = 1,
    concat('The table runs has no finished run ', :run_id, ', or more than one.')
  ) AS run_is_finished,
  assert_true(
    (SELECT count(*) FROM board) = (SELECT max(n_models) FROM asked),
    concat('The leaderboard of run ', :run_id, ' does not hold every model that was compared.')
  ) AS leaderboard_is_whole,
  assert_true(
    (SELECT max(model_id) FROM board WHERE rank = 1 AND primary_value IS NOT NULL) = (SELECT max(best_model_id) FROM asked),
    concat('The leaderboard of run ', :run_id, ' has another best model than the run.')
  ) AS best_is_first,
  assert_true(
    (SELECT count(*) FROM good_trials) = (SELECT sum(n_folds_ok) FROM board WHERE members IS NULL),  -- a blend has no trials
    concat('The table trials does not hold every fold that run ', :run_id, ' has scored.')
  ) AS trials_are_whole;
