"""Result tables in Delta, and the journal of a run."""
