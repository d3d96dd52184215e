"""Sources on file systems that Spark needs a package for, and what to say where it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakeoff._utils.text import root_line
from bakeoff.errors import SourceError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_AZURE, _AWS = "org.apache.hadoop:hadoop-azure:{hadoop}", "org.apache.hadoop:hadoop-aws:{hadoop}"
_PACKAGES = {
    **dict.fromkeys(("abfs", "abfss", "wasb", "wasbs"), _AZURE),
    "adl": "org.apache.hadoop:hadoop-azure-datalake:{hadoop}",
    "s3a": _AWS,
    "gs": "com.google.cloud.bigdataoss:gcs-connector:hadoop3-2.2.26",
    "oss": "org.apache.hadoop:hadoop-aliyun:{hadoop}",
    "cosn": "org.apache.hadoop:hadoop-cos:{hadoop}",
}
"""By scheme, the package that makes Hadoop read it, as Maven calls it."""
_LACKING = ("No FileSystem for scheme", "Class org.apache.hadoop.fs.", "Class com.google.cloud.hadoop.fs.")


def cannot_be_read(source: str, error: Exception, spark: SparkSession) -> SourceError:
    """Return the error for a source that Spark fails to read; it names the package that Spark lacks, if it is that."""
    said = root_line(error)
    scheme = source.partition(":")[0].lower()
    if not any(sign in said or sign in str(error) for sign in _LACKING):
        return SourceError(f"--source {source} cannot be read ({said}): check the path.")
    if scheme == "s3":
        return SourceError(f"--source {source} is on a file system that this Spark has no package for: write s3a://.")
    package = _PACKAGES.get(scheme)
    if package is None:
        return SourceError(
            f"--source {source} is on a file system that this Spark has no package for ({said}): use a cluster that "
            "reads it, or copy the file."
        )
    package = package.format(hadoop=_hadoop_version(spark))
    return SourceError(
        f"--source {source} needs the package {package}, which this Spark does not have: set "
        f"PYSPARK_SUBMIT_ARGS='--packages {package} pyspark-shell' for a session on this machine, or give it to the "
        "cluster (spark.jars.packages)."
    )


def _hadoop_version(spark: SparkSession) -> str:
    java: Any = getattr(spark, "_jvm", None)
    try:
        return str(java.org.apache.hadoop.util.VersionInfo.getVersion())
    except Exception:  # noqa: BLE001 - on Connect there is no Java to ask
        return "<the version of its Hadoop>"
