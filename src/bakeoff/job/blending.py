"""The blend of a run: whether there can be one, and what the user is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakeoff.comparison.predictions import Keep, are_kept

if TYPE_CHECKING:
    from bakeoff.config import RunConfig
    from bakeoff.pycaret3.request import Request


def unkept_note(config: RunConfig, experiment: Any, request: Request) -> str | None:
    """Return a sentence if predictions are not kept because they are too many; ``None`` if all is as asked."""
    from bakeoff.pycaret3.scoring.predicted import prediction_bytes

    n_bytes = prediction_bytes(experiment, request)
    if n_bytes is None or config.keep_predictions != Keep.AUTO or are_kept(Keep.AUTO, n_bytes):
        return None
    without = "" if config.blend == "off" else ", and without them there is no blend"
    return (
        f"What the models predict for test rows is not kept: it takes up to {n_bytes / 1e6:,.0f} MB{without} "
        "(--keep-predictions yes keeps it)."
    )
