# Databricks notebook source
# MAGIC %md
# MAGIC # What the runs have found
# MAGIC
# MAGIC Plots from the Delta tables. Any cluster or serverless compute will do: nothing is trained here.

# COMMAND ----------

dbutils.widgets.text("catalog", spark.catalog.currentCatalog(), "Catalog of the results")
dbutils.widgets.text("schema", "bakeoff", "Schema of the results")
dbutils.widgets.text("run_id", "", "Run (empty: the newest finished one)")
place = ".".join(f"`{dbutils.widgets.get(name)}`" for name in ("catalog", "schema"))

# COMMAND ----------

import plotly.express as px

runs = spark.sql(f"SELECT * FROM {place}.runs WHERE status = 'finished' ORDER BY started_at DESC").toPandas()
run_id = dbutils.widgets.get("run_id") or runs.run_id.iloc[0]
metric = runs.set_index("run_id").primary_metric[run_id]
display(runs[["run_id", "started_at", "source", "target", "best_model_id", "best_value", "wall_seconds"]])

# COMMAND ----------

# MAGIC %md ## Models of one run, with the deviation over the folds

# COMMAND ----------

models = spark.sql(
    f"""
    SELECT rank, model_name, primary_value AS mean, metrics_std[primary_metric] AS std, fit_seconds, status
    FROM {place}.leaderboard WHERE run_id = :run_id AND status <> 'failed' ORDER BY rank
    """,
    args={"run_id": run_id},
).toPandas()
by_model = px.bar(models[::-1], x="mean", y="model_name", error_x="std", title=f"{metric} by model, run {run_id}")
by_model.show()

# COMMAND ----------

# MAGIC %md ## What quality costs
# MAGIC
# MAGIC Models near the top on the left give nearly the best value in a fraction of the time.

# COMMAND ----------

cost = px.scatter(
    models, x="fit_seconds", y="mean", text="model_name", log_x=True, title="Seconds of fitting and quality"
)
cost.show()

# COMMAND ----------

# MAGIC %md ## Folds: is the first really better than the second?

# COMMAND ----------

folds = spark.sql(
    f"""
    SELECT model_id, fold, metrics[:metric] AS value
    FROM {place}.trials WHERE run_id = :run_id AND status = 'ok'
    """,
    args={"run_id": run_id, "metric": metric},
).toPandas()
by_fold = px.box(folds, x="model_id", y="value", points="all", title=f"{metric} on each fold")
by_fold.show()

# COMMAND ----------

# MAGIC %md ## The best value over time

# COMMAND ----------

history = spark.sql(
    f"SELECT started_at, source, primary_metric, best_value FROM {place}.runs WHERE status = 'finished'"
)
over_time = px.line(
    history.toPandas().sort_values("started_at"), x="started_at", y="best_value", color="source", markers=True
)
over_time.show()

# COMMAND ----------

# MAGIC %md ## What went wrong

# COMMAND ----------

failures = spark.sql(
    f"SELECT run_id, model_id, fold, status, error_type, error_message FROM {place}.failures LIMIT 100"
)
display(failures)
