"""Report on a finished run: sentences, charts, one HTML page and JSON, from plain data."""
