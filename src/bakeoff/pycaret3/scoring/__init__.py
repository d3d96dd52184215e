"""PyCaret's scorers, and faster paths that give the same scores."""
