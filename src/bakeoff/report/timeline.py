"""Reconstruct the work of each slot over time, from the outcomes of the trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bakeoff.comparison.trial import Outcome, Status, Trial

_TOLERANCE = 0.05
"""Seconds by which a trial may seem to start before its predecessor has ended, since clocks are read one by one."""


@dataclass(frozen=True)
class Bar:
    """A span of work of a slot.

    Attributes:
        kind: ``transform``, ``fit``, ``score`` or ``lost``.
        start: start in seconds since the comparison began.
        seconds: duration.
        trial: the trial that it was part of.
    """

    kind: str
    start: float
    seconds: float
    trial: Trial


@dataclass
class Lane:
    """A slot and its work, in order.

    Attributes:
        name: name of the slot.
        ends: end of its last bar, in seconds since the comparison began.
        bars: its work.
    """

    name: str
    ends: float = 0.0
    bars: list[Bar] = field(default_factory=list)


@dataclass(frozen=True)
class Timeline:
    """The work of all slots.

    Attributes:
        lanes: the slots.
        began_at: start, in seconds since the epoch.
        wall: seconds from the start to the end of the last trial, or of the run if that is later.
    """

    lanes: tuple[Lane, ...]
    began_at: float
    wall: float

    def spent(self, kind: str) -> float:
        """Return the seconds that all slots together spent on a kind of work."""
        return sum(bar.seconds for lane in self.lanes for bar in lane.bars if bar.kind == kind)


def timeline(
    outcomes: Sequence[Outcome],
    began_at: float = 0.0,
    wall: float = 0.0,
    slots: int = 0,
    transforms: Mapping[Trial, float] | None = None,
) -> Timeline:
    """Assign each trial to a slot of the host that ran it.

    An outcome has its host and its end, but not its slot: it is assigned to the first slot of the host that was free,
    so lanes need not match the real slots. The clocks of the hosts are assumed to be equal.

    Args:
        outcomes: outcomes of the trials; those of earlier attempts, which ended before the start, are ignored.
        began_at: start in seconds since the epoch; by default that of the first trial.
        wall: seconds that the run took, if they are known.
        slots: number of slots, which adds idle ones if there is a single host.
        transforms: seconds that trials waited for the preprocessing of their fold, for outcomes that do not have them.

    Example:
        >>> two = [Outcome("lr", n, fit_seconds=2.0, host="a", finished_at=3.0 + n) for n in (0, 1)]
        >>> [(lane.name, lane.bars[0].start) for lane in timeline(two, began_at=1.0).lanes]
        [('slot 1', 0.0), ('slot 2', 1.0)]
    """
    ran = [outcome for outcome in outcomes if outcome.finished_at > began_at and outcome.status is not Status.CANCELLED]
    waits = {outcome.trial: outcome.transform_seconds or (transforms or {}).get(outcome.trial, 0.0) for outcome in ran}

    def start(outcome: Outcome) -> float:
        return outcome.finished_at - outcome.fit_seconds - outcome.score_seconds - waits[outcome.trial]

    began_at = began_at or min((start(outcome) for outcome in ran), default=0.0)
    lanes_of: dict[str, list[Lane]] = {outcome.host: [] for outcome in ran}
    for outcome in sorted(ran, key=start):
        lanes = lanes_of[outcome.host]
        lane = next((lane for lane in lanes if lane.ends <= start(outcome) - began_at + _TOLERANCE), None)
        if lane is None:
            host = "slot" if len(lanes_of) == 1 else outcome.host or "?"
            lane = Lane(f"{host} {len(lanes) + 1}")
            lanes.append(lane)
        _add_bars(lane, outcome, max(start(outcome) - began_at, 0.0), waits[outcome.trial])
    all_lanes = tuple(lane for lanes in lanes_of.values() for lane in lanes)
    if len(lanes_of) == 1:
        all_lanes += tuple(Lane(f"slot {number + 1}") for number in range(len(all_lanes), slots))
    return Timeline(all_lanes, began_at, max([wall, *(lane.ends for lane in all_lanes)]))


def _add_bars(lane: Lane, outcome: Outcome, start: float, transform_seconds: float) -> None:
    durations = {"transform": transform_seconds, "fit": outcome.fit_seconds, "score": outcome.score_seconds}
    if not outcome.ok:
        durations = {"lost": sum(durations.values())}
    for kind, duration in durations.items():
        if duration > 0:
            lane.bars.append(Bar(kind, start, duration, outcome.trial))
            start += duration
    lane.ends = max(lane.ends, start)
