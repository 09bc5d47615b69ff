"""What Prometheus sees of a gateway, on a port of its own at a loopback address.

Law: no label holds what an agent or an upstream wrote. Rules are those of the configuration, and
types those of our own refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from approvals.proxy.wire import Gone, Problem, Wire

NO_RULE: Final = "(none)"
"""No rule is called so: what none is about, a person is asked."""


@dataclass(frozen=True, slots=True)
class State:
    """A gateway as it is now. `service`: does the approval service answer? None: not asked yet.
    `ca_ends`: Unix seconds, until when agents may believe its certificates."""

    held: int
    held_bytes: int
    service: bool | None
    ca_ends: float


class Metrics:
    """The counters of one gateway, in a registry of their own. `state`: asked at each look."""

    def __init__(self, state: Callable[[], State]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "countersign_gateway_requests",
            "Requests, by the rule that decided and what it came to.",
            ["rule", "verdict"],
            registry=self.registry,
        )
        self._refused = Counter(
            "countersign_gateway_refused",
            "Answers that were refusals of ours, by type.",
            ["type"],
            registry=self.registry,
        )
        self._failed = Counter(
            "countersign_gateway_upstream_failures",
            "Requests to which an upstream gave no answer, or was not reached.",
            ["type"],
            registry=self.registry,
        )
        self.registry.register(_Now(state))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def decided(self, rule: str | None, verdict: str) -> None:
        """`verdict`: allowed, denied, asked, joined (what is held already), tunnel, or observed:
        it passed though its rule would not have let it."""
        self._requests.labels(rule or NO_RULE, verdict).inc()

    def refused(self, type_: str) -> None:
        """A refusal was sent."""
        self._refused.labels(type_).inc()

    def failed(self, type_: str) -> None:
        """An upstream did not answer."""
        self._failed.labels(type_).inc()

    async def talk(self, wire: Wire) -> None:
        """One connection: `GET /metrics`, as often as it asks."""
        try:
            while (request := await wire.head()) is not None and not wire.length:
                if (request.method, request.target) == (b"GET", b"/metrics"):
                    await wire.answer(
                        200, "text/plain; version=0.0.4", generate_latest(self.registry)
                    )
                else:
                    await wire.answer(404, "text/plain", b"Figures are at /metrics.\n")
                if not wire.again():
                    break
        except (Problem, Gone, OSError, TimeoutError):
            pass
        finally:
            await wire.close()


class _Now(Collector):
    def __init__(self, state: Callable[[], State]) -> None:
        self._state = state

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = self._state()
        yield _gauge("held", "Requests that are held.", now.held)
        yield _gauge("held_bytes", "Bytes of their bodies.", now.held_bytes)
        if now.service is not None:
            yield _gauge(
                "service_up", "Did the approval service answer when it was last asked?", now.service
            )
        yield _gauge(
            "ca_expires_timestamp_seconds",
            "Until when agents may believe this gateway's certificates.",
            now.ca_ends,
        )


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"countersign_gateway_{name}", says, value)
