"""What the slots did and when, from what the outcomes say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bakeoff.comparison.trial import Outcome, Status, Trial

_TOLERANCE = 0.05
"""Seconds by which a trial may seem to begin before the one before it has ended: clocks are read one after another."""


@dataclass(frozen=True)
class Bar:
    """One piece of work: ``transform``, ``fit``, ``score`` or ``lost``; times in seconds since the comparison began."""

    kind: str
    start: float
    seconds: float
    trial: Trial


@dataclass
class Lane:
    """A slot and its work, in order."""

    name: str
    ends: float = 0.0
    bars: list[Bar] = field(default_factory=list)


@dataclass(frozen=True)
class Timeline:
    """All slots, and how their time was spent, in seconds of slots.

    Attributes:
        began_at: seconds since the epoch.
        wall: from the beginning to the end of the last trial, or to that of the run where it is later.
    """

    lanes: tuple[Lane, ...]
    began_at: float
    wall: float

    def spent(self, kind: str) -> float:
        """Seconds that all slots together spent on this kind of work."""
        return sum(bar.seconds for lane in self.lanes for bar in lane.bars if bar.kind == kind)


def timeline(
    outcomes: Sequence[Outcome],
    began_at: float = 0.0,
    wall: float = 0.0,
    slots: int = 0,
    transforms: Mapping[Trial, float] | None = None,
) -> Timeline:
    """Put each trial on a slot of the host that ran it.

    An outcome knows its host and when it ended, and not which of the host's slots it had: it goes to the first that was
    free. So a lane is a slot like any other of that host. The hosts' clocks are taken for equal.

    Args:
        outcomes: those of an earlier attempt of the run, which ended before it began, are left out.
        began_at: seconds since the epoch; the start of the first trial where it is not known.
        wall: seconds that the run took, where that is known.
        slots: how many there were, also those that had nothing to do, where there is one host.
        transforms: seconds that a trial waited for its fold's preprocessing, where the outcomes do not say so.

    Example:
        >>> two = [Outcome("lr", n, fit_seconds=2.0, host="a", finished_at=3.0 + n) for n in (0, 1)]
        >>> [(lane.name, lane.bars[0].start) for lane in timeline(two, began_at=1.0).lanes]
        [('slot 1', 0.0), ('slot 2', 1.0)]
    """
    ran = [each for each in outcomes if each.finished_at > began_at and each.status is not Status.CANCELLED]
    waited = {each.trial: each.transform_seconds or (transforms or {}).get(each.trial, 0.0) for each in ran}

    def start(each: Outcome) -> float:
        return each.finished_at - each.fit_seconds - each.score_seconds - waited[each.trial]

    began_at = began_at or min((start(each) for each in ran), default=0.0)
    hosts = {each.host: None for each in ran}
    lanes: dict[str, list[Lane]] = {host: [] for host in hosts}
    for each in sorted(ran, key=start):
        mine = lanes[each.host]
        lane = next((lane for lane in mine if lane.ends <= start(each) - began_at + _TOLERANCE), None)
        if lane is None:
            lane = Lane(f"slot {len(mine) + 1}" if len(hosts) == 1 else f"{each.host or '?'} {len(mine) + 1}")
            mine.append(lane)
        _add(lane, each, max(start(each) - began_at, 0.0), waited[each.trial])
    flat = tuple(lane for mine in lanes.values() for lane in mine)
    if len(hosts) == 1:
        flat += tuple(Lane(f"slot {number + 1}") for number in range(len(flat), slots))
    return Timeline(flat, began_at, max([wall, *(lane.ends for lane in flat)]))


def _add(lane: Lane, outcome: Outcome, start: float, waited: float) -> None:
    pieces = {"transform": waited, "fit": outcome.fit_seconds, "score": outcome.score_seconds}
    if not outcome.ok:
        pieces = {"lost": sum(pieces.values())}
    for kind, length in pieces.items():
        if length > 0:
            lane.bars.append(Bar(kind, start, length, outcome.trial))
            start += length
    lane.ends = max(lane.ends, start)
