"""A verdict as one transaction: the fence, the handler's own commit, the lane handed on, waiters woken."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from gateway.engine import lanes
from gateway.engine.clock import now
from gateway.engine.lanes import Claim, Holder, Left, Pause
from gateway.engine.verdicts import Dead, Done, Retry, Snooze, Verdict, WaitFor

_LOOK_AGAIN = 60.0  # a job that waits for another looks by itself this often, should its wake ever be lost


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of it: whether the job ended, who got the lane, how many woke, seconds until it is due again."""

    ended: bool = False
    following: Claim | None = None
    woken: int = 0
    later: float | None = None


def touches(claim: Claim, verdict: Verdict) -> tuple[str, ...]:
    """What the commit contends for with other processes (see Store.write)."""
    names = (f"lane:{claim.lane}", f"job:{claim.id}")
    match verdict:
        case Done():
            return (*names, *verdict.touches)
        case WaitFor():
            return (*names, f"job:{verdict.job_id}")
        case _:
            return names


def settle(conn: Connection, claim: Claim, verdict: Verdict, holder: Holder | None) -> Settled:
    """Apply the verdict; ``holder`` takes the lane's next job, None leaves it to others. Raises Fenced."""
    match verdict:
        case Done():
            left = lanes.finish(conn, claim)
            _run(conn, verdict.commit)
            return _leave(conn, claim, holder, left)
        case Dead():
            how = Pause("dead", now(conn), 1, error_code=verdict.error_code, error=verdict.error)
            lanes.pause(conn, claim, how)
            _run(conn, verdict.commit)
            return _leave(conn, claim, holder, Left(ended=True))
        case Retry():
            after = verdict.after or 0.0
            state = _rests_as(keep_lane=verdict.keep_lane)
            how = Pause(state, now(conn) + after, 1, error_code=verdict.error_code, error=verdict.error)
            lanes.pause(conn, claim, how)
            _run(conn, verdict.commit)
            return _resting(conn, claim, holder, after, keep_lane=verdict.keep_lane)
        case Snooze():
            return _snooze(conn, claim, verdict, holder)
        case WaitFor():
            return _wait(conn, claim, verdict)


def _run(conn: Connection, commit: object) -> None:
    if callable(commit):
        commit(conn)


def _leave(conn: Connection, claim: Claim, holder: Holder | None, left: Left) -> Settled:
    following = lanes.take_next(conn, claim.lane, holder) if holder and left.queued else None
    woken = lanes.wake(conn, claim.id) if left.ended and left.awaited else 0
    return Settled(left.ended, following, woken, later=None if left.ended else 0.0)


def _snooze(conn: Connection, claim: Claim, verdict: Snooze, holder: Holder | None) -> Settled:
    how = Pause(
        _rests_as(keep_lane=verdict.keep_lane),
        now(conn) + verdict.after,
        scope=verdict.scope,
        error_code=verdict.error_code,
        error=verdict.error,
    )
    lanes.pause(conn, claim, how)
    _run(conn, verdict.commit)
    return _resting(conn, claim, holder, verdict.after, keep_lane=verdict.keep_lane)


def _rests_as(*, keep_lane: bool) -> str:
    return "waiting" if keep_lane else "held"


def _resting(conn: Connection, claim: Claim, holder: Holder | None, after: float, *, keep_lane: bool) -> Settled:
    following = lanes.take_next(conn, claim.lane, holder) if holder and not keep_lane else None
    return Settled(following=following, later=after)


def _wait(conn: Connection, claim: Claim, verdict: WaitFor) -> Settled:
    # The row is locked before we say that we wait: it cannot end in between without seeing us.
    there = lanes.still_there(conn, verdict.job_id)
    due = now(conn) + _LOOK_AGAIN if there else 0.0
    lanes.pause(conn, claim, Pause("waiting", due, waits_for=verdict.job_id if there else None))
    _run(conn, verdict.commit)
    return Settled(later=None if there else 0.0)
