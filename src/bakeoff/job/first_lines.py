"""The lines on its table that a run begins with: the few things that matter most."""

from __future__ import annotations

import json

from bakeoff._utils.redaction import redact_text
from bakeoff.config import RunConfig
from bakeoff.report.reproduce import check_command
from bakeoff.source import SourceTable
from bakeoff.source.findings import most_important

N_LINES = 3
"""Number of findings that a run says; `bakeoff check` says all of them."""


def first_lines(source: SourceTable, config: RunConfig) -> list[str]:
    """Return the most important findings as sentences, and the command that shows the others, if there are more.

    Args:
        source: the table, with its findings.
        config: what was asked for.
    """
    lines = [finding.sentence for finding in most_important(source.findings, N_LINES)]
    n_more = len(source.findings) - len(lines)
    if n_more:
        lines.append(redact_text(f"{n_more} more: {check_command(json.loads(config.to_json()))}"))
    return lines
