"""Prometheus metrics of one gateway process, in a registry of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call] # a second series per counter that nothing here reads

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Seconds. Interactive answers live below 8 s (the wait budget), upstream deadlines below 30 s, write-back in minutes.
ANSWER = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 8, 15, 30, 60)
UPSTREAM = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10, 25)
WRITE_BACK = (0.1, 0.5, 1, 3, 5, 10, 30, 60, 300, 1800, 7200, 86400)

# Every path segment that is not a word or a version names one object: a Stripe id, a Salesforce id, a key.
_OBJECT = re.compile(r"/(?!(?:[a-z_-]{1,40}|[a-z]+[A-Z][a-z]+|[A-Z][A-Za-z_]{1,40}|v[0-9.]{1,4})(?:/|$))[^/]+")

Read = Callable[[], float | Mapping[str, float]]


def operation(method: str, path: str) -> str:
    """``POST /v1/invoices/{id}/finalize``: the call without the object, so that series do not grow with the data."""
    return f"{method} {_OBJECT.sub('/{id}', path.partition('?')[0])}"


class Bounded:
    """At most ``limit`` different values of a label; later ones are counted under ``other``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        if len(self._known) >= self._limit:
            return "other"
        self._known.add(value)
        return value


class _Watched(Collector):
    """Values that are read when Prometheus asks, not kept up to date."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, str, str, bool, Read]] = []

    def collect(self) -> Iterable[Metric]:
        for name, text, label, counter, read in self.reads:
            value = read()
            labelled = isinstance(value, Mapping)
            family = (CounterMetricFamily if counter else GaugeMetricFamily)(
                name, text, labels=[label] if labelled else []
            )
            for key, number in value.items() if isinstance(value, Mapping) else [("", value)]:
                family.add_metric([key] if labelled else [], number)
            yield family


class Metrics:
    """What one process counts; ``render`` is the body of ``/metrics``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._watched = _Watched()
        self.registry.register(self._watched)
        self._bounds = {"action": Bounded(40), "operation": Bounded(120), "outcome": Bounded(80), "org": Bounded(100)}
        self._accepted = self._counter("actions_accepted", "Actions recorded", "action", "caller_kind")
        self._ended = self._counter("actions_ended", "Actions that reached a status", "action", "status")
        self._duration = self._histogram("action_seconds", "From acceptance to the end", ANSWER, "action")
        self._requests = self._counter("http_requests", "Requests answered", "route", "status")
        self._answers = self._histogram("http_request_seconds", "From request to answer", ANSWER, "route")
        self._refused = self._counter("requests_refused", "Requests refused before they became an action", "reason")
        self._calls = self._counter(
            "upstream_calls", "Calls to Stripe and Salesforce", "upstream", "operation", "outcome"
        )
        self._latency = self._histogram("upstream_seconds", "Time of a call", UPSTREAM, "upstream", "operation")
        self._api_used = self._gauge("salesforce_api_used", "API requests of the last 24 h, as Salesforce says", "org")
        self._api_limit = self._gauge("salesforce_api_limit", "Daily API requests of the org", "org")
        self._written = self._counter("write_back_rows", "Rows written to Salesforce", "org", "outcome")
        self._delay = self._histogram("write_back_seconds", "From outcome to the written row", WRITE_BACK, "org")

    def accepted(self, action: str, caller_kind: str) -> None:
        self._accepted.labels(self._bounds["action"](action), caller_kind).inc()

    def ended(self, action: str, status: str, seconds: float | None = None) -> None:
        """``seconds`` since acceptance."""
        name = self._bounds["action"](action)
        self._ended.labels(name, status).inc()
        if seconds is not None:
            self._duration.labels(name).observe(max(0.0, seconds))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """``route``: the template, ``/v1/actions/{name}``, never the path."""
        name = self._bounds["operation"](route)
        self._requests.labels(name, str(status)).inc()
        self._answers.labels(name).observe(seconds)

    def refused(self, reason: str) -> None:
        self._refused.labels(self._bounds["outcome"](reason)).inc()

    def upstream(self, upstream: str, method: str, path: str, outcome: str, seconds: float) -> None:
        """``upstream``: stripe or salesforce; ``outcome``: ``ok`` or the error code."""
        name = self._bounds["operation"](operation(method, path))
        self._calls.labels(upstream, name, self._bounds["outcome"](outcome)).inc()
        self._latency.labels(upstream, name).observe(seconds)

    def salesforce_usage(self, org: str, used: int, limit: int) -> None:
        name = self._bounds["org"](org)
        self._api_used.labels(name).set(used)
        self._api_limit.labels(name).set(limit)

    def written_back(self, org: str, outcome: str, rows: int = 1, seconds: float | None = None) -> None:
        name = self._bounds["org"](org)
        self._written.labels(name, self._bounds["outcome"](outcome)).inc(rows)
        if seconds is not None:
            self._delay.labels(name).observe(max(0.0, seconds))

    def watch(self, name: str, text: str, read: Read, *, label: str = "kind", counter: bool = False) -> None:
        """
        Show what ``read`` returns when Prometheus asks: a number, or a mapping of label value to number.

        ``read`` must be quick and must not wait: it runs while the page is made.
        """
        self._watched.reads.append((f"gateway_{name}", text, label, counter, read))

    def render(self) -> bytes:
        """The page in the Prometheus text format, ``CONTENT_TYPE``."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"gateway_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"gateway_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"gateway_{name}", text, labels, registry=self.registry, buckets=buckets)
