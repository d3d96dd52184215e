# Databricks notebook source
# MAGIC %md
# MAGIC # Score a table with the champion
# MAGIC
# MAGIC The registry's alias `champion` names the model to use. It takes raw rows: PyCaret's preprocessing is inside.
# MAGIC Needs a cluster with the wheel as a library, so that workers have the packages that the model was made with.

# COMMAND ----------

dbutils.widgets.text("model", f"{spark.catalog.currentCatalog()}.bakeoff.best_model", "Registered model")
dbutils.widgets.text("alias", "champion", "Alias")
dbutils.widgets.text("source", "samples.nyctaxi.trips", "Table to score")
dbutils.widgets.text("output", f"{spark.catalog.currentCatalog()}.bakeoff.predictions", "Table for the predictions")
name, alias, source, output = (dbutils.widgets.get(widget) for widget in ("model", "alias", "source", "output"))

# COMMAND ----------

import mlflow

if name.count(".") == 2 and mlflow.get_tracking_uri().startswith("databricks"):
    mlflow.set_registry_uri("databricks-uc")
version = mlflow.MlflowClient().get_model_version_by_alias(name, alias)
print({key: value for key, value in version.tags.items() if key.startswith("bakeoff.")})

# COMMAND ----------

# MAGIC %md Some rows here, to see that it works.

# COMMAND ----------

uri = f"models:/{name}@{alias}"
model = mlflow.pyfunc.load_model(uri)
columns = model.metadata.get_input_schema().input_names()
rows = spark.table(source).select(*columns)
print(model.predict(rows.limit(5).toPandas()))

# COMMAND ----------

# MAGIC %md All rows on the workers, as a pandas UDF that loads the model once in each Python process.

# COMMAND ----------

from pyspark.sql.functions import struct

kinds = {"long": "long", "double": "double", "boolean": "boolean"}
kind = kinds.get(model.metadata.get_output_schema().input_types()[0].name, "string")
predict = mlflow.pyfunc.spark_udf(spark, uri, result_type=kind, env_manager="local")
scored = spark.table(source).withColumn("prediction", predict(struct(*columns)))

# COMMAND ----------

# MAGIC %md Predictions are added to what is there, with the model that made them and the time.

# COMMAND ----------

from pyspark.sql.functions import current_timestamp, lit

marked = scored.withColumn("model_version", lit(f"{name} {version.version}")).withColumn(
    "scored_at", current_timestamp()
)
marked.write.format("delta").mode("append").saveAsTable(output)
display(spark.table(output).limit(20))
