-- How far scored rows have moved from the rows that their model learned from, column by column, what moved most first.
-- psi is the population stability index over the bins of the table profiles, missing values being one of them: below 0.1
-- nothing has happened, above 0.25 a column is another one. The model's prediction is compared in the same way. Times are
-- compared as the session's clock shows them, which is how models see them. (The query drift.sql is about something else:
-- how the best value of a run differs from the runs before it.)
-- Parameters: scored, the table that `bakeoff score` writes to; days, how far to look back.
WITH scored_rows AS (
  SELECT run_id AS scored_run, scored_by,
    from_json(to_json(struct(*), map('ignoreNullFields', 'false')), 'MAP<STRING,STRING>') AS cells
  FROM IDENTIFIER(:scored)
  WHERE scored_at >= current_timestamp() - make_dt_interval(CAST(:days AS INT))
), learned AS (
  SELECT run_id, column_name, max(role) AS role, max(kind) AS kind, max(n_rows) AS n_learned,
    max(CASE WHEN bin > 0 AND kind = 'category' AND category IS NULL THEN bin END) AS other_bin,
    max(CASE WHEN bin = 0 THEN share END) AS missing_before
  FROM profiles
  GROUP BY run_id, column_name
), found AS (
  SELECT s.scored_by, c.run_id, c.column_name, c.kind, c.other_bin, try_element_at(s.cells, c.column_name) AS value,
    count(*) AS n
  FROM scored_rows AS s
  JOIN learned AS c ON c.run_id = s.scored_run
  GROUP BY s.scored_by, c.run_id, c.column_name, c.kind, c.other_bin, try_element_at(s.cells, c.column_name)
), numbered AS (
  SELECT *,
    CASE kind
      WHEN 'number' THEN nullif(TRY_CAST(value AS DOUBLE), double('NaN'))
      WHEN 'time' THEN unix_micros(from_utc_timestamp(TRY_CAST(value AS TIMESTAMP), current_timezone())) / 1e6
    END AS number
  FROM found
), placed AS (
  SELECT f.scored_by, f.run_id, f.column_name, f.n,
    CASE
      WHEN f.value IS NULL OR (f.kind <> 'category' AND f.number IS NULL) THEN 0
      ELSE coalesce(b.bin, f.other_bin)
    END AS bin
  FROM numbered AS f
  LEFT JOIN profiles AS b ON b.run_id = f.run_id AND b.column_name = f.column_name AND b.bin > 0
    AND CASE
      WHEN f.kind = 'category' THEN b.category = f.value
      ELSE (b.lower IS NULL OR f.number > b.lower) AND (b.upper IS NULL OR f.number <= b.upper)
    END
), counted AS (
  SELECT scored_by, run_id, column_name, bin, sum(n) AS n FROM placed GROUP BY scored_by, run_id, column_name, bin
), totals AS (
  SELECT scored_by, run_id, column_name, sum(n) AS n_scored, sum(CASE WHEN bin = 0 THEN n ELSE 0 END) AS n_missing
  FROM counted
  GROUP BY scored_by, run_id, column_name
), shares AS (
  SELECT t.scored_by, t.run_id, t.column_name, t.n_scored, t.n_missing,
    greatest(p.share, 0.0001) AS before,
    greatest(coalesce(c.n, 0) / t.n_scored, 0.0001) AS now
  FROM totals AS t
  JOIN profiles AS p ON p.run_id = t.run_id AND p.column_name = t.column_name
  LEFT JOIN counted AS c ON c.scored_by = t.scored_by AND c.run_id = t.run_id AND c.column_name = t.column_name
    AND c.bin = p.bin
)
SELECT s.scored_by, s.column_name, c.role,
  round(sum((s.now - s.before) * ln(s.now / s.before)), 4) AS psi,
  CASE
    WHEN sum((s.now - s.before) * ln(s.now / s.before)) > 0.25 THEN 'shifted'
    WHEN sum((s.now - s.before) * ln(s.now / s.before)) > 0.1 THEN 'moved'
    ELSE 'steady'
  END AS verdict,
  round(max(c.missing_before), 4) AS missing_before,
  round(max(s.n_missing) / max(s.n_scored), 4) AS missing_now,
  max(c.n_learned) AS n_learned, max(s.n_scored) AS n_scored, s.run_id
FROM shares AS s
JOIN learned AS c ON c.run_id = s.run_id AND c.column_name = s.column_name
GROUP BY s.scored_by, s.run_id, s.column_name, c.role
ORDER BY psi DESC, s.scored_by, s.column_name;
