# Databricks notebook source
# MAGIC %md
# MAGIC # Existing PyCaret code, on the cluster
# MAGIC
# MAGIC One argument more: `parallel=FugueBackend(spark)`. On standard access mode and serverless compute, which speak
# MAGIC Spark Connect, give a volume as `payload_dir` too; the bundle makes one.

# COMMAND ----------

dbutils.widgets.text("models", "lr,nb,dt,ridge,rf,et,lightgbm", "Models, separated by commas")
dbutils.widgets.text("payload_dir", "", "Volume for Spark Connect (/Volumes/catalog/schema/payloads)")
models = dbutils.widgets.get("models").split(",")

# COMMAND ----------

from pycaret.classification import ClassificationExperiment
from sklearn.datasets import load_breast_cancer

data = load_breast_cancer(as_frame=True).frame
experiment = ClassificationExperiment()
experiment.setup(data, target="target", session_id=42, fold=5, verbose=False, html=False)

# COMMAND ----------

# MAGIC %md The same call as before, and the same result: scores are PyCaret's own, fold by fold.

# COMMAND ----------

from bakeoff import FugueBackend

backend = FugueBackend(spark, batch_size=2, payload_dir=dbutils.widgets.get("payload_dir") or None)
best = experiment.compare_models(include=models, parallel=backend, verbose=False)
display(experiment.pull())

# COMMAND ----------

# MAGIC %md What failed, and how well the cluster was used.

# COMMAND ----------

display(backend.failures)
summary = backend.summary
print(f"{summary.wall_seconds:.1f} s on {summary.slots} slots, efficiency {summary.efficiency:.0%}")

# COMMAND ----------

# MAGIC %md Everything after that is PyCaret as always.

# COMMAND ----------

final = experiment.finalize_model(best)
predictions = experiment.predict_model(final, data=data.head(10), verbose=False)
display(predictions)
