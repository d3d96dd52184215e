"""Entry point of ``python -m bakeoff``, which is the command ``bakeoff``."""

from bakeoff.cli.app import main

if __name__ == "__main__":
    main()
