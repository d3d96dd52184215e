"""Adapter to PyCaret 3: everything of it that Bakeoff relies on.

This is the only package that imports PyCaret or uses its private names. It turns an experiment into a payload of plain
parts (`freeze`), runs trials from that payload (`runner_for`), and puts the results back into the experiment as if it
had compared the models itself (`restore_state`).
"""

from bakeoff.pycaret3.databricks_import import import_display_without_kernel

import_display_without_kernel()
