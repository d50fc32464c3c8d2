"""From what a handler did to what becomes of its job: errors as verdicts, budgets, equal deaths in number."""

from __future__ import annotations

from dataclasses import replace

import structlog
from sqlalchemy import Connection

from gateway.engine.circuit import Outbreaks, open_circuit
from gateway.engine.database import StoreBusy, StoreUnavailable
from gateway.engine.lanes import Claim
from gateway.engine.retry import RetryPolicy
from gateway.engine.turns import PROBE_SECONDS
from gateway.engine.verdicts import Dead, Handler, Retry, Snooze, Verdict
from gateway.errors import GatewayError, Misconfigured

log = structlog.get_logger("gateway.engine")


async def verdict_of(handler: Handler | None, claim: Claim) -> Verdict:
    """Run the handler; whatever it raises becomes a verdict too."""
    if handler is None:
        return Dead("unknown_kind", f"this version has no handler for jobs of kind {claim.kind}")
    try:
        return await handler(claim)
    except StoreBusy as error:
        return Retry(error.code, error.message)
    except StoreUnavailable as error:
        log.warning("job.store_away", job=claim.id, kind=claim.kind, reason=error.message)
        return Snooze(error.retry_after or 0.0, error.code, error.message)  # no fault of the job's: no attempt
    except Misconfigured as error:
        return park(error) if error.scope else Dead(error.code, error.message)
    except GatewayError as error:
        return Retry(error.code, error.message, after=error.retry_after)
    except Exception as error:
        return crashed(claim, error)


def crashed(claim: Claim, error: Exception, *, keep_lane: bool = True) -> Retry:
    """The verdict on a bug, inside its ``except``: its words may hold anything, so they go to the log alone."""
    log.exception("job.crashed", job=claim.id, kind=claim.kind)
    words = f"{type(error).__name__} in the handler of {claim.kind}: see the log"
    return Retry("internal_error", words, keep_lane=keep_lane)


def park(error: Misconfigured) -> Snooze:
    """Open the circuit of the error's scope and wait with it, without using an attempt."""

    def commit(conn: Connection) -> None:
        open_circuit(conn, error.scope, error.code, error.message)

    return Snooze(PROBE_SECONDS, error.code, error.message, scope=error.scope, commit=commit)


def weigh(claim: Claim, verdict: Verdict, policy: RetryPolicy, outbreaks: Outbreaks, at: float) -> Verdict:
    """A retry beyond its budget is death; one of many equal deaths is an environment fault and parks the job."""
    if isinstance(verdict, Retry):
        attempts = claim.attempts + 1
        if policy.exhausted(attempts):
            verdict = Dead(verdict.error_code, verdict.error, verdict.exhausted)
        elif verdict.after is None:
            return replace(verdict, after=policy.delay(attempts))
    if isinstance(verdict, Dead) and claim.scope and outbreaks.note(claim.scope, verdict.error_code, claim.lane, at):
        log.error("circuit.outbreak", scope=claim.scope, error_code=verdict.error_code)
        return park(Misconfigured(verdict.error_code, verdict.error, scope=claim.scope))
    return verdict
