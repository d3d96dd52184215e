"""Read finished runs back, for notebooks and commands."""
