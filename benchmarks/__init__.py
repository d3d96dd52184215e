"""How fast Bakeoff is, measured: see docs/performance.md."""
