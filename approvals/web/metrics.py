"""What Prometheus sees. No label holds a person, a request, a token or anything an agent wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from approvals.model import SECOND, Case, Instant
from approvals.store import Counts


class Metrics:
    """The counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "countersign_deliveries_refused",
            "Platform deliveries that were not understood or not proven.",
            ["channel", "why"],
            registry=self.registry,
        )
        self.taps = Counter(
            "countersign_taps", "Taps answered.", ["channel", "answer"], registry=self.registry
        )
        # Kept, because the library looks for a label's counter anew each time, under a lock.
        self._tapped = cache(self.taps.labels)
        self._altered = Counter(
            "countersign_cards_altered",
            "Cards that a platform showed otherwise than they were sent.",
            ["channel"],
            registry=self.registry,
        )
        self.requests = Counter(
            "countersign_requests_opened", "Requests opened.", ["risk"], registry=self.registry
        )
        self.api_seconds = Histogram(
            "countersign_api_seconds",
            "Time to answer an API call, waits not counted.",
            ["method"],
            registry=self.registry,
        )
        self.verdicts = Counter(
            "countersign_verdicts", "Cases closed here.", ["status"], registry=self.registry
        )
        self._closed = cache(self.verdicts.labels)
        self._oldest = Gauge(
            "countersign_outbox_oldest_seconds",
            "For how long the oldest effect of a lane has been due.",
            ["lane"],
            registry=self.registry,
        )
        self._pending = Gauge("countersign_pending", "Open cases.", registry=self.registry)
        self._waiting = Gauge("countersign_waiting", "Clients waiting.", registry=self.registry)
        self._unsealed = Gauge(
            "countersign_audit_unsealed",
            "Audit entries not in the chain yet.",
            registry=self.registry,
        )
        self._jobs = Gauge(
            "countersign_outbox_jobs", "Effects to carry out.", ["kind"], registry=self.registry
        )
        self._parked = Gauge(
            "countersign_outbox_parked", "Effects that a platform refused.", registry=self.registry
        )

        self._dropped = Counter(
            "countersign_connections_dropped",
            "Connections closed, or not accepted, because there were too many.",
            ["why"],
            registry=self.registry,
        )

    def dropped(self, why: str) -> None:
        """A connection had to go."""
        self._dropped.labels(why).inc()

    def committed(self, cases: Iterable[Case]) -> None:
        """These changes are durable. A case without an outcome that is closed closed just now."""
        for case in cases:
            if not case.open and case.outcome is None:
                self._closed(case.status.value).inc()

    def tapped(self, channel: str, answer: str) -> None:
        """A tap was answered."""
        self._tapped(channel, answer).inc()

    def altered(self, channel: str) -> None:
        """A card there is not the one that was sent."""
        self._altered.labels(channel).inc()

    def opened(self, case: Case) -> None:
        """A request was opened here."""
        self.requests.labels(case.ask.risk.value).inc()

    def polls(self, ages: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Of each place that is asked for requests: its gateway's name, and how long ago (seconds)
        it last answered well. Of a gateway's places the worst is shown."""
        named = {name for name, _ in ages.values()}
        if not named:
            return
        gauge = Gauge(
            "countersign_gateway_poll_age_seconds",
            "For how long a gateway has not answered a poll as it should.",
            ["gateway"],
            registry=self.registry,
        )
        for gateway in named:
            each = [age for name, age in ages.values() if name == gateway]
            gauge.labels(gateway).set_function(partial(_worst, each))

    def text(self, counts: Counts, waiting: int, now: Instant) -> bytes:
        """The exposition, with the store's counts as they are now."""
        self._pending.set(counts.pending)
        self._waiting.set(waiting)
        self._unsealed.set(counts.unsealed)
        self._parked.set(counts.parked)
        self._jobs.clear()
        self._oldest.clear()
        lanes: dict[str, float] = {}
        for (kind, lane), (number, due) in counts.jobs.items():
            self._jobs.labels(kind).inc(number)
            late = max(0, now - due) / SECOND if due else 0.0  # due 0: at once
            lanes[lane] = max(late, lanes.get(lane, 0.0))
        for lane, late in lanes.items():
            self._oldest.labels(lane or "core").set(late)
        return generate_latest(self.registry)


def _worst(ages: Iterable[Callable[[], float]]) -> float:
    return max(age() for age in ages)
