"""Child processes in which models are fitted, and can be killed."""
