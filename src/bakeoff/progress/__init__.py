"""Progress of a run, in a terminal, a log or a notebook."""
