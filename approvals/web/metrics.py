"""What Prometheus sees. No label holds a person, a request, a token or anything an agent wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from approvals.model import SECOND, Case, Instant
from approvals.store import Counts

AGES: Final = (60, 300, 900, 3600)
"""Seconds: the steps in which the age of open cases is reported."""
WAITS: Final = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400)
"""Seconds: cards take one or two, people minutes, at most a day."""


class Metrics:
    """The counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self.deliveries = counter(
            "countersign_deliveries_refused",
            "Platform deliveries that were not understood or not proven.",
            ["channel", "why"],
        )
        self.taps = counter("countersign_taps", "Taps answered.", ["channel", "answer"])
        # Kept, because the library looks for a label's counter anew each time, under a lock.
        self._tapped = cache(self.taps.labels)
        self._altered = counter(
            "countersign_cards_altered",
            "Cards that a platform showed otherwise than they were sent.",
            ["channel"],
        )
        self.charged = counter(
            "countersign_channel_charges",
            "Calls and deliveries that a channel's platform may charge for.",
            ["channel", "what"],
        )
        self.requests = counter("countersign_requests_opened", "Requests opened.", ["risk"])
        self.api_seconds = histogram(
            "countersign_api_seconds", "Time to answer an API call, waits not counted.", ["method"]
        )
        self.verdicts = counter("countersign_verdicts", "Cases closed here.", ["status"])
        self._closed = cache(self.verdicts.labels)
        self._oldest = gauge(
            "countersign_outbox_oldest_seconds",
            "For how long the oldest effect of a lane has been due.",
            ["lane"],
        )
        self._pending = gauge("countersign_pending", "Open cases.")
        self._waiting = gauge("countersign_waiting", "Clients waiting.")
        self._unsealed = gauge("countersign_audit_unsealed", "Audit entries not in the chain yet.")
        self._jobs = gauge("countersign_outbox_jobs", "Effects to carry out.", ["kind"])
        self._parked = gauge("countersign_outbox_parked", "Effects that a platform refused.")

        self._failures = counter(
            "countersign_calls_failed",
            "Calls that a platform, a gateway or an endpoint did not take.",
            ["lane"],
        )
        self._to_card = histogram(
            "countersign_card_seconds", "Time from a request to a card that is out.", buckets=WAITS
        )
        self._to_verdict = histogram(
            "countersign_verdict_seconds",
            "Time from a request to the decision of people.",
            buckets=WAITS,
        )
        self._lapsed = counter(
            "countersign_approvals_never_collected",
            "Approvals whose receipt expired without anybody having used it.",
        )
        self._ages = gauge(
            "countersign_pending_older",
            "Open cases that are older than so many seconds.",
            ["seconds"],
        )
        self._seal_lag = gauge(
            "countersign_audit_lag_seconds",
            "For how long the oldest audit entry has waited to be linked into the chain.",
        )
        self._certificate: Gauge | None = None
        self._late: Callable[[str], int] = lambda lane: 0
        ProcessCollector(registry=self.registry)  # our memory, processor time and descriptors
        GCCollector(registry=self.registry)
        self._dropped = counter(
            "countersign_connections_dropped",
            "Connections closed, or not accepted, because there were too many.",
            ["why"],
        )

    def dropped(self, why: str) -> None:
        """A connection had to go."""
        self._dropped.labels(why).inc()

    def committed(self, cases: Iterable[Case]) -> None:
        """Count durable changes. A closed case without an outcome has just been closed."""
        for case in cases:
            if not case.open and case.outcome is None:
                if case.lapsed:
                    self._lapsed.inc()
                    continue
                self._closed(case.status.value).inc()
                if case.votes and case.decided_at is not None:
                    waited = max(0, case.decided_at - case.created_at) / SECOND
                    self._to_verdict.observe(waited)

    def tapped(self, channel: str, answer: str) -> None:
        """A tap was answered."""
        self._tapped(channel, answer).inc()

    def altered(self, channel: str) -> None:
        """A card there is not the one that was sent."""
        self._altered.labels(channel).inc()

    def charge(self, channel: str, what: str) -> None:
        """Its platform may charge for this call or delivery. `what`: one of a few fixed words."""
        self.charged.labels(channel, what).inc()

    def certificate(self, ends: Instant | None) -> None:
        """When the certificate of our public address ends; None: not known, so nothing is new."""
        if ends is None:
            return
        if self._certificate is None:
            self._certificate = Gauge(
                "countersign_certificate_expires_timestamp_seconds",
                "When the certificate of public_url ends; 0: it has ended.",
                registry=self.registry,
            )
        self._certificate.set(ends / SECOND)

    def failed(self, lane: str) -> None:
        """A call to a platform, a gateway or an endpoint failed."""
        self._failures.labels(lane).inc()

    def posted(self, case: Case, now: Instant) -> None:
        """A card of this case is out."""
        self._to_card.observe(max(0, now - case.created_at) / SECOND)

    def late(self, late: Callable[[str], int]) -> None:
        """`late`: for how long (milliseconds) a lane has been failing."""
        self._late = late

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
        oldest = counts.unsealed_since
        self._seal_lag.set(0.0 if oldest is None else max(0, now - oldest) / SECOND)
        for seconds, number in counts.older.items():
            self._ages.labels(str(seconds)).set(number)
        self._parked.set(counts.parked)
        self._jobs.clear()
        self._oldest.clear()
        lanes: dict[str, float] = {}
        for (kind, lane), (number, due) in counts.jobs.items():
            self._jobs.labels(kind).inc(number)
            late = max(0, now - due) / SECOND if due else 0.0  # due 0: at once
            lanes[lane] = max(late, lanes.get(lane, 0.0))
        for lane, late in lanes.items():
            # A failed job is due later, so the time that its lane has been failing counts, too.
            down = self._late(lane) / SECOND
            self._oldest.labels(lane or "core").set(max(late, down))
        return generate_latest(self.registry)


def _worst(ages: Iterable[Callable[[], float]]) -> float:
    return max(age() for age in ages)
