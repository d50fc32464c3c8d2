"""What Prometheus is shown of store, engine and circuits when it asks."""

from __future__ import annotations

from gateway.engine.alarms import Alarms
from gateway.engine.backlog import counts
from gateway.engine.schedule import Periodic
from gateway.observability.metrics import Metrics
from gateway.pipeline.work import Tools


def watch(tools: Tools, metrics: Metrics, alarms: Alarms) -> Periodic:
    """Register all of it; the work that comes back counts what waits in the database, for all processes."""
    store, engine, backlog = tools.store, tools.engine, dict[str, int]()
    metrics.watch("backlog", "Jobs and rows that wait, are dead or of unknown outcome", lambda: backlog)
    metrics.watch("store_commits", "Commits", lambda: store.metrics.commits, counter=True)
    metrics.watch("store_closures", "Closures committed", lambda: store.metrics.closures, counter=True)
    metrics.watch("store_failures", "Failed commits", lambda: store.metrics.failures, counter=True)
    metrics.watch("store_slowest_seconds", "Longest a closure held the writer", lambda: store.metrics.slowest)
    metrics.watch("store_waiting", "Writes waiting for a commit", lambda: store.waiting)
    metrics.watch("wal_bytes", "Size of the write-ahead log", lambda: store.wal_bytes)
    metrics.watch("jobs_running", "Jobs this process runs", lambda: engine.running)
    metrics.watch("jobs_dead", "Jobs that died in this process", lambda: engine.counters.dead, counter=True)
    metrics.watch("circuits_open", "Open circuits", lambda: len(engine.open_scopes))
    metrics.watch("circuit_open_seconds", "How long each has been open", lambda: alarms.seconds, label="scope")
    metrics.watch(
        "paused_seconds", "How long the operator has kept each paused", lambda: _paused_seconds(tools), label="scope"
    )
    metrics.watch("alarms", "Circuits that were open for five minutes", lambda: alarms.raised, counter=True)

    async def count() -> None:
        backlog.update(await store.read(counts))

    return Periodic("gauges", 5.0, count)


def _paused_seconds(tools: Tools) -> dict[str, float]:
    at = tools.clock.now()
    return {scope: round(max(0.0, at - pause.since), 1) for scope, pause in tools.engine.pauses.items()}
