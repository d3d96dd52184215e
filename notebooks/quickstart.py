# Databricks notebook source
# MAGIC %md
# MAGIC # From a table to a leaderboard
# MAGIC
# MAGIC Needs a cluster in dedicated access mode with the wheel as a library. Choose the table and its target above,
# MAGIC then run all.

# COMMAND ----------

dbutils.widgets.text("source", "samples.nyctaxi.trips", "Table (catalog.schema.table)")
dbutils.widgets.text("target", "fare_amount", "Column to predict")
dbutils.widgets.text("catalog", spark.catalog.currentCatalog(), "Catalog of the results")
dbutils.widgets.text("schema", "bakeoff_quickstart", "Schema of the results")
dbutils.widgets.text("include", "", "Models, separated by commas (empty: all)")
asked = {name: dbutils.widgets.get(name) for name in ("source", "target", "catalog", "schema", "include")}

# COMMAND ----------

# MAGIC %md What is asked. Mistakes are said here or in the next cell, before anything is trained.

# COMMAND ----------

import bakeoff

config = bakeoff.RunConfig.from_sources({**asked, "batch_size": 4, "fold": 5, "max_rows": 50_000})
print(f"Run {config.run_id}: {config.source}, target {config.target}")

# COMMAND ----------

# MAGIC %md The comparison, on all workers. Batches appear in the MLflow experiment while it runs.

# COMMAND ----------

result = bakeoff.run(config, spark)

# COMMAND ----------

# MAGIC %md The ranking, from the table that it was written to.

# COMMAND ----------

leaderboard = spark.sql(
    f"""
    SELECT rank, model_name, status, primary_metric, primary_value, fit_seconds, error_type
    FROM {result.tables.name("leaderboard")} WHERE run_id = :run_id ORDER BY rank
    """,
    args={"run_id": result.run_id},
)
display(leaderboard)

# COMMAND ----------

# MAGIC %md The best model takes raw rows of the table, as they are.

# COMMAND ----------

best = result.leaderboard.best
print(f"Best: {best.model_name}, {result.plan.sort_by} {best.primary_value:.4f}. Load it from {result.model_uri}.")
