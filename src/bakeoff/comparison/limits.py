"""The limits of trials: one value, from the user's arguments to the process that enforces it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bakeoff.comparison.words import WordEnum
from bakeoff.errors import ConfigError, one_of

REFIT_TIMEOUTS = 3
"""A refit may take this many times as long as a trial: it has more rows."""


class Isolation(WordEnum):
    """Place where models are fitted.

    The first three are the user's choices. An engine turns the first two into one of the others, by how its workers get
    a process for models.
    """

    AUTO = "auto"
    """In processes that can be killed, if they cost nothing or are needed to enforce a limit."""
    PROCESS = "process"
    """In processes that can be killed."""
    NONE = "none"
    """In the workers themselves."""
    FORKED = "forked"
    """In a child forked from the worker, which is almost free."""
    SPAWNED = "spawned"
    """In a process started beside the worker, which takes some seconds."""


CHOICES = (Isolation.AUTO, Isolation.PROCESS, Isolation.NONE)
"""The kinds of isolation that users choose from."""


@dataclass(frozen=True)
class TrialLimits:
    """The limits of trials, and how they are enforced.

    Attributes:
        seconds: seconds that are left for all trials together, after which they are cancelled; ``None`` for no limit.
        timeout: seconds after which a trial is ended; ``None`` for no limit.
        memory_mb: megabytes that the process of a trial may hold, PyCaret itself (about 300) included; ``None`` for no
            limit.
        max_retries: how many times a trial that took its process or its worker down is retried.
        isolation: where models are fitted.
    """

    seconds: float | None = None
    timeout: float | None = None
    memory_mb: float | None = None
    max_retries: int = 1
    isolation: Isolation = Isolation.AUTO

    @classmethod
    def of_arguments(
        cls, trial_timeout: float | None, trial_memory_mb: float | None, max_retries: int, isolation: str
    ) -> TrialLimits:
        """Return the limits that the user's arguments ask for.

        Raises:
            ConfigError: An argument cannot be used, or two of them exclude each other.
        """
        if isolation not in CHOICES:
            raise ConfigError(one_of(isolation, [str(choice) for choice in CHOICES], "isolation"))
        for name, value in (("trial_timeout", trial_timeout), ("trial_memory_mb", trial_memory_mb)):
            if value is not None and not value > 0:
                raise ConfigError(f"{name} must be more than 0, not {value!r}: leave it out for no limit.")
            if value is not None and isolation == Isolation.NONE:
                raise ConfigError(f'{name} needs a process that can be killed: leave out isolation="none".')
        if max_retries < 0:
            raise ConfigError(f"max_retries must be at least 0, not {max_retries!r}.")
        return cls(None, trial_timeout, trial_memory_mb, max_retries, Isolation(isolation))

    def on(self, usual: Isolation) -> TrialLimits:
        """Return the limits as they are enforced on an engine.

        Args:
            usual: how its workers get processes for models: `Isolation.FORKED` or `Isolation.SPAWNED`.

        Returns:
            The limits with that isolation, or with `Isolation.NONE` to fit models in the workers themselves.

        Example:
            >>> kinds = [TrialLimits().on(kind) for kind in (Isolation.FORKED, Isolation.SPAWNED)]
            >>> [str(limits.isolation) for limits in kinds]
            ['forked', 'none']
            >>> str(TrialLimits(timeout=60).on(Isolation.SPAWNED).isolation)
            'spawned'
        """
        limited = any(limit is not None for limit in (self.seconds, self.timeout, self.memory_mb))
        wanted = self.isolation is Isolation.PROCESS or usual is Isolation.FORKED or limited
        return replace(self, isolation=usual if wanted and self.isolation is not Isolation.NONE else Isolation.NONE)

    @property
    def in_worker(self) -> bool:
        """Whether models are fitted in the worker itself, which limits of an engine say (see `on`)."""
        return self.isolation not in (Isolation.FORKED, Isolation.SPAWNED)

    def left(self, seconds: float) -> TrialLimits:
        """Return the limits after these seconds have passed.

        Example:
            >>> TrialLimits(seconds=10.0).left(4.0).seconds, TrialLimits(seconds=10.0).left(12.0).seconds
            (6.0, 0.0)
            >>> TrialLimits().left(4.0).seconds is None
            True
        """
        return self if self.seconds is None else replace(self, seconds=max(0.0, self.seconds - seconds))

    def of_refit(self) -> TrialLimits:
        """Return the limits of a refit: winners are fitted after the time for trials is over, and on more rows.

        Example:
            >>> TrialLimits(seconds=10.0, timeout=60.0).of_refit()
            TrialLimits(seconds=None, timeout=180.0, memory_mb=None, max_retries=1, isolation=<Isolation.AUTO: 'auto'>)
        """
        return replace(self, seconds=None, timeout=None if self.timeout is None else REFIT_TIMEOUTS * self.timeout)
