"""
Jobs and the circuits of the upstreams: put down while one is open, tried by a probe, told to whoever waits.

An entity's circuit gets a probe of its own, one harmless call: an action would prove nothing while it is held up by
something else. Narrower circuits, and those of orgs, are probed by the jobs that wait for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from sqlalchemy import Connection

from gateway.connectors.health import PROBE_SECONDS, Probe, probing
from gateway.engine import judge
from gateway.engine.clock import now
from gateway.engine.entering import enter_queued
from gateway.engine.verdicts import Commit
from gateway.engine.worker import Claim, Done, Handler, Job, Snooze, Verdict
from gateway.errors import CircuitOpen, Misconfigured, Refused, Unavailable, UnknownOutcome
from gateway.pipeline.work import Tools

_LOOK_AGAIN = 2.0  # should the circuit have been closed while we were told that it is open
_PROBE_DEADLINE = 10.0


def guarded(tools: Tools, handler: Callable[[Tools, Claim], Awaitable[Verdict]], *, admitted: bool = False) -> Handler:
    """
    The handler as the engine wants it: parked by open circuits; a probe that ends must have proved something.

    ``admitted``: never kept from its own upstream. It closes the circuit itself, before this process hears of it.
    """

    async def handle(claim: Claim) -> Verdict:
        probes = tools.engine.probes(claim)
        probe = Probe(claim.scope) if claim.scope and (probes or admitted) else None
        probing.set(probe)  # for this task only
        try:
            verdict = await handler(tools, claim)
        except (CircuitOpen, Misconfigured) as exc:
            verdict = park(tools, exc)
        unproved = probes and probe is not None and not probe.answered
        return replace(verdict, proves=False) if isinstance(verdict, Done) and unproved else verdict

    return handle


def park(tools: Tools, error: CircuitOpen | Misconfigured, commit: Commit | None = None) -> Snooze:
    """Wait with the circuit: it opens where the error says so. Raises what opens none; ``commit`` is kept with it."""
    if not error.scope:
        raise error
    if isinstance(error, CircuitOpen):
        return Snooze(_LOOK_AGAIN, error.code, error.message, scope=error.scope, commit=commit)
    parked = judge.park(error)

    def both(conn: Connection) -> None:
        if parked.commit is not None:
            parked.commit(conn)
        if _entity(error.scope) is not None:
            enter_queued(conn, _probe_job(error.scope), now(conn))
        if commit is not None:
            commit(conn)

    return replace(parked, commit=both)


async def probe(tools: Tools, claim: Claim) -> Verdict:
    """
    Job kind ``probe``: one call that changes nothing. Any answer that fits the key closes the circuit; for an entity
    that is not configured there is none before it is put back.
    """
    entity, scope = _entity(claim.scope), claim.scope
    if entity is None:
        return Done(proves=False)
    try:
        await tools.stripe.call(entity, "GET", "/v1/account", deadline=_PROBE_DEADLINE)
    except Misconfigured as exc:
        if exc.scope == scope:
            raise  # still the same, or another fault of the whole entity
    except Refused:
        pass
    except (Unavailable, UnknownOutcome) as exc:
        return Snooze(PROBE_SECONDS, exc.code, exc.message, scope=scope)
    return Done()


def _probe_job(scope: str) -> Job:
    return Job(f"probe:{scope}", "probe", f"probe:{scope}", 0, scope=scope)


def _entity(scope: str | None) -> str | None:
    """The entity whose whole circuit this is."""
    upstream, _, name = (scope or "").partition(":")
    return name if upstream == "stripe" and name and ":" not in name else None
