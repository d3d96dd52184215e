"""Measurements of Bakeoff's speed, see docs/performance.md."""

import os

# The same for every contender, and set before anything reads it: what is compared is not who takes more threads.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
