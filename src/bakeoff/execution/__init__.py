"""Where trials run: slots on an engine of Fugue's, the payload that each worker keeps, and what a worker answers."""
