"""The engines that run tasks: native, Dask, Spark and Spark Connect."""
