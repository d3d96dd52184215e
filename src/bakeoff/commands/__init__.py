"""The commands of ``bakeoff``."""
