"""The session to work on, for scripts: ``from bakeoff.session import open_session``.

with open_session(home=Path(".bakeoff")) as (spark, owned):
    spark.sql("SELECT 1").show()
"""

from bakeoff.spark.session import OpenSession, active_session, local_session, open_session

__all__ = ["OpenSession", "active_session", "local_session", "open_session"]
