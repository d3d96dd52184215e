-- What the job `prepare` runs: the tables and views that are not there yet, empty, so that whatever reads them has an
-- answer before the first comparison. Made from the tables' definitions by `make sql`; do not edit it.
-- Parameters: catalog, schema (which is there: the bundle makes it).

CREATE TABLE IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`runs`')) (
  `run_id` STRING NOT NULL COMMENT 'Names one comparison from start to end',
  `task_type` STRING COMMENT 'classification, regression or time_series',
  `source` STRING COMMENT 'Table or file that the rows were read from',
  `source_version` STRING COMMENT 'Version of the source at that time, where it has one',
  `data_digest` STRING COMMENT 'Content hash of the rows that were used',
  `target` STRING COMMENT 'Column that is predicted',
  `n_rows` BIGINT COMMENT 'Rows that were used',
  `n_columns` INT COMMENT 'Columns that were used, the target included',
  `n_folds` INT COMMENT 'Folds that each model was to run on',
  `primary_metric` STRING COMMENT 'Key of the metric that ranks',
  `higher_is_better` BOOLEAN COMMENT 'Direction of the primary metric',
  `status` STRING NOT NULL COMMENT 'running, finished, failed, killed or interrupted',
  `n_models` INT COMMENT 'Models that were compared',
  `n_ok` INT COMMENT 'Models with every fold scored',
  `n_partial` INT COMMENT 'Models with some folds scored',
  `n_stopped` INT COMMENT 'Models that a race stopped on the way, since they could not win any more',
  `n_failed` INT COMMENT 'Models with no fold scored',
  `best_model_id` STRING COMMENT 'Model of rank 1, unless it failed',
  `best_value` DOUBLE COMMENT 'Its mean of the primary metric',
  `slots` INT COMMENT 'Places where a task could run at a time',
  `wall_seconds` DOUBLE COMMENT 'Seconds from the start to the end of the comparison',
  `ideal_seconds` DOUBLE COMMENT 'Least seconds that the same trials could have taken on these slots',
  `mlflow_experiment_id` STRING COMMENT 'MLflow experiment',
  `mlflow_run_id` STRING COMMENT 'MLflow run of the whole comparison',
  `promotion` STRING COMMENT 'What became of the registered version, and why\u003B NULL where none was registered',
  `engine` STRING COMMENT 'What the models were fitted on, and why',
  `config` STRING COMMENT 'What was asked, as JSON',
  `versions` MAP<STRING,STRING> COMMENT 'Versions of Python and the libraries',
  `git_commit` STRING COMMENT 'Commit of the code that ran, where known',
  `started_at` TIMESTAMP COMMENT 'When the run began',
  `finished_at` TIMESTAMP COMMENT 'When it ended\u003B NULL while it runs',
  `holder` STRING COMMENT 'Process that works on it, as JSON\u003B NULL when none does',
  `heartbeat_at` TIMESTAMP COMMENT 'When that process has last said that it is there',
  `blend` STRING COMMENT 'Blend beside the ranking, as JSON\u003B NULL if there is none, or it is ranked',
  `tuning` STRING COMMENT 'What tuning has tried, as JSON\u003B NULL where nothing was to be tuned'
) USING DELTA CLUSTER BY (run_id) COMMENT 'One row per comparison: what was asked, on which data, and how it went';

CREATE TABLE IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`trials`')) (
  `run_id` STRING NOT NULL COMMENT 'Names one comparison from start to end',
  `model_id` STRING NOT NULL COMMENT 'Id of the model, as PyCaret knows it or as it was given',
  `fold` INT NOT NULL COMMENT 'Number of the fold, from 0',
  `batch_id` INT COMMENT 'Batch that the model was reported with, from 1',
  `model_name` STRING COMMENT 'Name of the model for people',
  `status` STRING NOT NULL COMMENT 'ok, failed, timeout, crashed, oom or cancelled',
  `metrics` MAP<STRING,DOUBLE> COMMENT 'Value per metric\u003B NULL where it is not a finite number',
  `metric_errors` MAP<STRING,STRING> COMMENT 'Why a metric could not be computed although the trial was fine',
  `fit_seconds` DOUBLE COMMENT 'Seconds of fitting the estimator',
  `score_seconds` DOUBLE COMMENT 'Seconds of predicting and scoring',
  `host` STRING COMMENT 'Machine that ran the trial',
  `attempt` INT COMMENT '1 for the first try',
  `error_type` STRING COMMENT 'Class of the exception',
  `error_message` STRING COMMENT 'Message of the exception',
  `traceback` STRING COMMENT 'Where it was raised',
  `finished_at` TIMESTAMP COMMENT 'When the trial ended\u003B NULL where it never ran',
  `params` STRING COMMENT 'Parameters that are not those of the family, as JSON\u003B NULL if there are none'
) USING DELTA CLUSTER BY (run_id) COMMENT 'One row per model and fold: scores, seconds, and the reason where there are no scores';

CREATE TABLE IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`leaderboard`')) (
  `run_id` STRING NOT NULL COMMENT 'Names one comparison from start to end',
  `model_id` STRING NOT NULL COMMENT 'Id of the model, as PyCaret knows it or as it was given',
  `rank` INT NOT NULL COMMENT 'From 1\u003B complete models first, then partial, stopped and failed ones',
  `tied_with_best` BOOLEAN COMMENT 'Whether the folds cannot tell it from the best model\u003B NULL if not tested',
  `model_name` STRING COMMENT 'Name of the model for people',
  `status` STRING NOT NULL COMMENT 'ok (every fold scored), partial, stopped (by a race) or failed',
  `primary_metric` STRING COMMENT 'Key of the metric that ranks',
  `primary_value` DOUBLE COMMENT 'Unrounded mean of the primary metric over the good folds',
  `metrics` MAP<STRING,DOUBLE> COMMENT 'Unrounded mean per metric over the good folds',
  `metrics_std` MAP<STRING,DOUBLE> COMMENT 'Population standard deviation per metric over the same folds',
  `n_folds_ok` INT COMMENT 'Folds that were scored',
  `fit_seconds` DOUBLE COMMENT 'Seconds of fitting over all folds, lost ones included',
  `params` STRING COMMENT 'Parameters that are not those of the family, as JSON\u003B NULL if there are none',
  `seconds_saved` DOUBLE COMMENT 'Seconds that the folds would have taken that a race spared it\u003B else 0',
  `batch_id` INT COMMENT 'Batch that the model was reported with, from 1',
  `error_type` STRING COMMENT 'Class of the exception of the first fold that went wrong',
  `error_message` STRING COMMENT 'Its message',
  `mlflow_run_id` STRING COMMENT 'MLflow run of the model',
  `finished_at` TIMESTAMP COMMENT 'When its last trial ended',
  `holdout_value` DOUBLE COMMENT 'Primary metric on the hold-out rows\u003B NULL if the model was not fitted',
  `members` MAP<STRING,DOUBLE> COMMENT 'Share of each model in a blend\u003B NULL for a single model'
) USING DELTA CLUSTER BY (run_id) COMMENT 'One row per model of a comparison, ranked';

CREATE TABLE IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`profiles`')) (
  `run_id` STRING NOT NULL COMMENT 'Names one comparison from start to end',
  `column_name` STRING NOT NULL COMMENT 'Column that the model takes, or prediction',
  `bin` INT NOT NULL COMMENT '0 for missing values, then from 1',
  `role` STRING COMMENT 'input or prediction',
  `kind` STRING COMMENT 'number, time (in seconds since 1970) or category',
  `category` STRING COMMENT 'The value that the bin holds\u003B NULL for all others',
  `lower` DOUBLE COMMENT 'What numbers in the bin are above\u003B NULL for no limit',
  `upper` DOUBLE COMMENT 'What they are at most\u003B NULL for no limit',
  `share` DOUBLE NOT NULL COMMENT 'Share of the rows that is in the bin',
  `n_rows` BIGINT COMMENT 'Rows that were looked at'
) USING DELTA CLUSTER BY (run_id) COMMENT 'One row per column and bin of the rows that the best model of a run learned from, and of its predictions';

CREATE TABLE IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`predictions`')) (
  `run_id` STRING NOT NULL COMMENT 'Names one comparison from start to end',
  `row_number` BIGINT NOT NULL COMMENT 'Row among those that were used, in their order, from 0',
  `fold` INT NOT NULL COMMENT 'Number of the fold that it is tested in, from 0',
  `model_id` STRING NOT NULL COMMENT 'Id of the model, as PyCaret knows it or as it was given',
  `truth` STRING COMMENT 'Value of the target, as text',
  `prediction` STRING COMMENT 'Predicted number or likeliest class, as text\u003B NULL if it is none of the classes',
  `probabilities` ARRAY<FLOAT> COMMENT 'Probability of each class, in their sorted order\u003B NULL without them'
) USING DELTA CLUSTER BY (run_id) COMMENT 'One row per model and test row of its folds: the truth and what was predicted, of the runs that asked for it';

CREATE TABLE IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`scored`')) (
  `run_id` STRING COMMENT 'Run that fitted the model',
  `model_name` STRING COMMENT 'Registered model\u003B NULL for the model of a run',
  `model_version` STRING COMMENT 'Its version',
  `scored_by` STRING COMMENT 'The model in one word: name and version, or the run',
  `batch_id` STRING COMMENT 'Batch that the row was scored in',
  `scored_at` TIMESTAMP COMMENT 'When'
) USING DELTA CLUSTER BY (run_id) COMMENT 'One row per row that was scored: its columns, the prediction, and what scored it when';

USE IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`'));

CREATE VIEW IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`batch_metrics`')) COMMENT 'One row per model and metric, as soon as a batch is stored: mean and deviation over the good folds' TBLPROPERTIES ('bakeoff.definition' = '31c370073a563a7e') AS 
SELECT run_id, batch_id, model_id, metric,
  CASE WHEN count(value) = max(n_folds_ok) THEN avg(value) END AS mean,
  CASE WHEN count(value) = max(n_folds_ok) THEN stddev_pop(value) END AS std
FROM (
  SELECT *, count(*) OVER (PARTITION BY run_id, model_id) AS n_folds_ok
  FROM (
SELECT * FROM (
  SELECT *, row_number() OVER (
    PARTITION BY run_id, model_id, fold
    ORDER BY status = 'cancelled', finished_at DESC NULLS LAST, attempt DESC, host, fit_seconds
  ) AS nth FROM trials
) AS numbered WHERE nth = 1) AS last WHERE status = 'ok'
) AS good
LATERAL VIEW explode(map_concat(metrics, map('tt_sec', fit_seconds + score_seconds))) AS metric, value
GROUP BY run_id, batch_id, model_id, metric;

CREATE VIEW IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`leaderboard_latest`')) COMMENT 'The leaderboard of the newest finished run of each source, target and task type' TBLPROPERTIES ('bakeoff.definition' = '1fcba9a99b2f4746') AS 
SELECT newest.source, newest.source_version, newest.target, newest.task_type, newest.higher_is_better,
  l.run_id, l.model_id, l.rank, l.tied_with_best, l.model_name, l.status, l.primary_metric, l.primary_value, l.metrics, l.metrics_std, l.n_folds_ok, l.fit_seconds, l.params, l.seconds_saved, l.batch_id, l.error_type, l.error_message, l.mlflow_run_id, l.finished_at, l.holdout_value, l.members
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY source, target, task_type ORDER BY finished_at DESC NULLS LAST, started_at DESC NULLS LAST, run_id
  ) AS nth FROM runs WHERE status = 'finished'
) AS newest JOIN leaderboard AS l ON l.run_id = newest.run_id
WHERE newest.nth = 1;

CREATE VIEW IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`best_models`')) COMMENT 'The best model of each run that has every fold, with the run it comes from' TBLPROPERTIES ('bakeoff.definition' = '8e83a2c0e1174b27') AS 
SELECT best.model_id, best.model_name, best.primary_metric, best.primary_value, best.metrics, best.metrics_std,
  best.n_folds_ok, best.fit_seconds, best.mlflow_run_id AS model_mlflow_run_id,
  r.run_id, r.task_type, r.source, r.source_version, r.data_digest, r.target, r.n_rows, r.n_columns, r.n_folds, r.higher_is_better, r.n_models, r.n_ok, r.n_partial, r.n_stopped, r.n_failed, r.slots, r.wall_seconds, r.ideal_seconds, r.mlflow_experiment_id, r.mlflow_run_id, r.config, r.versions, r.git_commit, r.started_at, r.finished_at, r.status AS run_status
FROM (
  SELECT *, row_number() OVER (PARTITION BY run_id ORDER BY rank, model_id) AS nth
  FROM leaderboard WHERE status = 'ok'
) AS best JOIN runs AS r ON r.run_id = best.run_id
WHERE best.nth = 1;

CREATE VIEW IF NOT EXISTS IDENTIFIER(concat('`', :catalog, '`.`', :schema, '`.`failures`')) COMMENT 'Trials that gave no scores and why, the newest first' TBLPROPERTIES ('bakeoff.definition' = '008e1a3c1c760b67') AS 
SELECT t.finished_at, t.run_id, r.source, r.target, r.task_type,
  t.model_id, t.fold, t.batch_id, t.model_name, t.status, t.fit_seconds, t.score_seconds, t.host, t.attempt, t.error_type, t.error_message, t.traceback
FROM (
SELECT * FROM (
  SELECT *, row_number() OVER (
    PARTITION BY run_id, model_id, fold
    ORDER BY status = 'cancelled', finished_at DESC NULLS LAST, attempt DESC, host, fit_seconds
  ) AS nth FROM trials
) AS numbered WHERE nth = 1) AS t LEFT JOIN runs AS r ON r.run_id = t.run_id
WHERE t.status <> 'ok'
ORDER BY t.finished_at DESC NULLS LAST, t.run_id, t.model_id, t.fold;
