"""Spans of the jobs, under the request that caused them also in another process; only made where tracing is on."""

from __future__ import annotations

from gateway.engine import ledger
from gateway.engine.store import Store
from gateway.engine.worker import Claim, Handler, Verdict
from gateway.observability.trace import Traceparent, Tracing


def traced(tracing: Tracing, store: Store, handler: Handler) -> Handler:
    """The handler as it is, or within a span that tells what became of the job."""
    if not tracing.on:
        return handler

    async def handle(claim: Claim) -> Verdict:
        parent = None
        if claim.kind == "action":
            parent = Traceparent.parse(await store.read(lambda conn: ledger.traceparent_of(conn, claim.id)))
        with tracing.span(claim.kind, parent, {"job.id": claim.id}, kind="consumer"):
            verdict = await handler(claim)
            tracing.note({"job.verdict": type(verdict).__name__.lower()})
            return verdict

    return handle
