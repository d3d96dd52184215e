"""Limits of a process that keep Spark's Java from starting: checked before the start, recognized after a failure."""

from __future__ import annotations

import re

from bakeoff.errors import ClusterError

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

JAVA_FILES = 512
"""Open files that Java needs: it opens more than 300 archives."""
OWN_FILES = 128
"""Open files that this process needs."""
ADDRESS_SPACE = 6 * 2**30
"""Bytes of address space that Java needs: it reserves five gigabytes, most of which it never uses."""
_PATTERNS = (
    (r"Too many open files", "the number of open files is limited: see `ulimit -n`, and raise it to 4096"),
    (
        r"unable to create (?:new )?native thread|Resource temporarily unavailable",
        "the number of processes and threads is limited: see `ulimit -u`, and raise it",
    ),
    (
        r"Could not (?:reserve enough space|allocate)|Cannot allocate memory|insufficient memory|errno=12|OutOfMemory",
        "there is not enough memory for it: free some, or raise the limit of the container or of `ulimit -v`",
    ),
    (r"No space left on device", "there is no room left on the disk: make room in the temporary folder"),
    (r"invalid null input: name", "this user has no name here, as in some containers: give it a line in /etc/passwd"),
)
"""Patterns in Java's output, and the limit that each stands for."""


def check_limits() -> None:
    """Make sure that the limits of this process leave Java what it needs.

    Raises:
        ClusterError: A limit is too low; the message names it.
    """
    if resource is None:
        return
    # Java raises its own limit as far as it may.
    for needed, hard in ((JAVA_FILES, True), (OWN_FILES, False)):
        files = _limit(resource.RLIMIT_NOFILE, hard=hard)
        if files is not None and files < needed:
            raise ClusterError(
                f"This process may have {files} files open, and a local Spark session needs {needed}: raise the limit "
                "with `ulimit -n 4096`."
            )
    space = _limit(resource.RLIMIT_AS)
    if space is not None and space < ADDRESS_SPACE:
        raise ClusterError(
            f"This process may use {space / 2**30:.1f} GB of address space, and a local Spark session needs "
            f"{ADDRESS_SPACE / 2**30:.0f} GB: raise the limit with `ulimit -v unlimited`."
        )


def limit_behind(output: str) -> str | None:
    """Name the limit that kept Java from starting, as the end of a sentence.

    Args:
        output: the output of the Java that did not start.

    Example:
        >>> limit_behind("Error: Could not reserve enough space for 2097152KB object heap")
        'there is not enough memory for it: free some, or raise the limit of the container or of `ulimit -v`'
    """
    return next((limit for pattern, limit in _PATTERNS if re.search(pattern, output)), None)


def _limit(which: int, *, hard: bool = False) -> int | None:
    found = resource.getrlimit(which)[1 if hard else 0]
    return None if found == resource.RLIM_INFINITY else found
