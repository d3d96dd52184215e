"""How good are the models that Bakeoff finds, beside those of other systems with the same time? See docs/quality.md."""
