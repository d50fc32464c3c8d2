"""The sender: one job per org, stirred by every commit that changes the mirror, running until nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy import Connection

from gateway.connectors.salesforce import WRITE_SECONDS, SalesforceConnector
from gateway.connectors.salesforce_errors import Fault, scope
from gateway.connectors.salesforce_types import Flaw
from gateway.engine import lanes
from gateway.engine.circuit import Outbreaks, close_circuit
from gateway.engine.clock import Clock, now
from gateway.engine.judge import park
from gateway.engine.mirror import (
    MirrorRow,
    left_behind,
    mark_failed,
    mark_sending,
    mark_unclear,
    mark_written,
    take_up,
    unsent,
)
from gateway.engine.store import Store
from gateway.engine.worker import Claim, Done, Job, Snooze, Verdict
from gateway.errors import GatewayError, Misconfigured, Refused, UnknownOutcome
from gateway.sealing import Sealer
from gateway.writeback.outcomes import Outcome, judge, of_stamps, of_truth, too_many
from gateway.writeback.pace import Pace, Turn
from gateway.writeback.payload import Parcel, Truth, compose
from gateway.writeback.queue import BACKGROUND, in_order, look, mark_unsent, present

MOST_ROWS = 1000  # read and composed at once
UNCERTAIN_SECONDS = 150.0  # longer than Salesforce works on a request: until then a lost one may still arrive
LOOK_SECONDS = 0.25  # while rows gather
IN_THE_JOB = 5.0  # shorter waits are sat out, longer ones give the slot back
AWAY_AFTER = 3  # calls in a row that came to nothing
SLICE = 50  # rows settled in one commit

log = structlog.get_logger("gateway.writeback")


@dataclass(frozen=True, slots=True)
class WriteBack:
    """``rows`` of one call that ended as ``outcome``; ``seconds`` the oldest of them had waited."""

    org: str
    outcome: str
    rows: int
    seconds: float


def sender_job(org: str) -> Job:
    """The job that every commit that merges into the mirror stirs."""
    return Job(f"sender:{org}", "sender", f"sf:{org}", scope=scope(org))


@dataclass(frozen=True)
class Sender:
    """``handle`` is the engine's handler of kind ``sender``; one object serves all orgs of the process."""

    store: Store
    salesforce: SalesforceConnector
    sealer: Sealer
    clock: Clock
    observe: Callable[[WriteBack], None]
    write_seconds: float = WRITE_SECONDS  # deadline of one call
    paces: dict[str, Pace] = field(default_factory=dict)
    outbreaks: Outbreaks = field(default_factory=Outbreaks)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Send the call under way and no other: to be called before the engine is stopped."""
        self.stopping.set()

    async def handle(self, claim: Claim) -> Verdict:
        """Send until nothing may be sent now."""
        return await _Run(self, claim).until_done()


class _Run:
    """One claim of an org's sender."""

    def __init__(self, sender: Sender, claim: Claim) -> None:
        self._sender = sender
        self._claim = claim
        self._org = claim.id.removeprefix("sender:")
        self._pace = sender.paces.setdefault(self._org, Pace())
        self._probing = claim.error_code is not None

    async def until_done(self) -> Verdict:
        if await self._sender.store.read(lambda conn: left_behind(conn, self._org)):
            await self._sender.store.write(self._take_up)
        while not self._sender.stopping.is_set():
            seen = await self._sender.store.read(lambda conn: look(conn, self._org))
            if not seen.front and not seen.back:
                return Done() if seen.next_due is None else Snooze(seen.next_due)
            turn = self._pace.turn(seen, self._monotonic(), self._sender.salesforce.usage(self._org))
            if turn.wait > IN_THE_JOB:
                return Snooze(turn.wait)
            if turn.wait > 0:
                await self._gather(min(turn.wait, LOOK_SECONDS))
            elif (verdict := await self._wave(turn)) is not None:
                return verdict
        return Snooze(0.0)

    def _take_up(self, conn: Connection) -> None:
        """Only one sender holds the lane: what is without an answer was sent by one that is gone."""
        if lanes.holds(conn, self._claim):
            log.warning("writeback.taken_up", org=self._org, rows=take_up(conn, self._org))

    async def _gather(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._sender.stopping.wait()

    async def _wave(self, turn: Turn) -> Verdict | None:
        """Read and compose what waits, send call after call; a verdict ends the run."""
        for parcel in await self._sender.store.read(lambda conn: self._parcels(conn, turn)):
            verdict = Snooze(0.0) if self._sender.stopping.is_set() else await self._send(parcel)
            if verdict is not None:
                return verdict
        return None

    def _parcels(self, conn: Connection, turn: Turn) -> list[Parcel]:
        rows = unsent(conn, self._sender.sealer, self._org, MOST_ROWS, present(conn))
        at = self._monotonic()
        wanted = (self._pace.owned(row, at) for row in rows if turn.back or row.priority < BACKGROUND)
        parcels = compose(wanted, self._pace.sizes)
        # While some calls are full, the rest gathers on: its rows are the first to fill the next one.
        return [parcel for parcel in parcels if parcel.full(self._pace.sizes)] or parcels

    async def _send(self, parcel: Parcel) -> Verdict | None:
        rows = in_order(parcel.rows.values())
        if not await self._sender.store.write(lambda conn: self._announce(conn, rows)):
            return Done()  # another process has taken over: what we answer no longer counts
        try:
            outcomes = await self._call(parcel)
        except UnknownOutcome as exc:
            return await self._unclear(rows, exc)
        except GatewayError as exc:
            return await self._refused(parcel, exc)
        await self._settle(outcomes)
        await self._without_answer(rows, outcomes)
        self._pace.sent(self._monotonic())
        await self._close_circuit()
        if too_many(outcomes):
            self._pace.too_many_records()
        elif all(outcome.state == "unsent" for outcome in outcomes):
            return Snooze(self._pace.failed(), "PROCESSING_HALTED", "Salesforce looked at none of the rows")
        return self._outbreak(outcomes)

    def _announce(self, conn: Connection, rows: Sequence[MirrorRow]) -> bool:
        """Before they go out: from here on nobody knows, until the answer is stored."""
        if not lanes.holds(conn, self._claim):
            return False
        mark_sending(conn, rows, now(conn) + UNCERTAIN_SECONDS)
        return True

    async def _call(self, parcel: Parcel) -> list[Outcome]:
        salesforce, deadline = self._sender.salesforce, self._sender.write_seconds
        if isinstance(parcel, Truth):
            return list(of_truth(parcel, await salesforce.graphs(self._org, parcel.graphs, deadline=deadline)))
        return of_stamps(parcel, await salesforce.update_many(self._org, parcel.records, deadline=deadline))

    async def _unclear(self, rows: Sequence[MirrorRow], exc: UnknownOutcome) -> Verdict:
        """Perhaps written, perhaps still to arrive: the rows go again. Half as much, if it took too long."""
        await self._sender.store.write(lambda conn: mark_unclear(conn, rows, now(conn) + UNCERTAIN_SECONDS))
        if exc.code == "salesforce_timeout":
            self._pace.took_too_long()
        log.warning("writeback.uncertain", org=self._org, error_code=exc.code)
        return self._rest(exc)

    async def _without_answer(self, rows: Sequence[MirrorRow], outcomes: Sequence[Outcome]) -> None:
        """Rows that an answer left out."""
        answered = {(each.row.sobject, each.row.key) for each in outcomes}
        if missing := [row for row in rows if (row.sobject, row.key) not in answered]:
            await self._sender.store.write(lambda conn: mark_unclear(conn, missing, now(conn) + UNCERTAIN_SECONDS))

    async def _refused(self, parcel: Parcel, exc: GatewayError) -> Verdict | None:
        """Certainly not written. A fault of the org opens its circuit, a fault of the call halves it."""
        rows = list(parcel.rows.values())
        if isinstance(exc, Refused) and len(rows) == 1:
            outcome = judge(rows[0], Flaw(exc.code, exc.message), alone=True)
            await self._settle([outcome])
            return self._outbreak([outcome])
        await self._sender.store.write(lambda conn: mark_unsent(conn, rows))
        log.warning("writeback.refused", org=self._org, error_code=exc.code, rows=len(rows))
        if isinstance(exc, Misconfigured):
            return self._park(exc)
        if isinstance(exc, Refused):
            self._pace.took_too_long()
        return self._rest(exc)

    def _rest(self, exc: GatewayError) -> Verdict:
        """Try again in a while; an org that fails call after call is away as a whole."""
        seconds = self._pace.failed()
        if self._pace.failures >= AWAY_AFTER:
            return self._park(exc)
        return Snooze(max(exc.retry_after or 0.0, seconds), exc.code, exc.message)

    def _park(self, exc: GatewayError) -> Verdict:
        return park(Misconfigured(exc.code, exc.message, scope=scope(self._org)))

    async def _settle(self, outcomes: Sequence[Outcome]) -> None:
        """Store what became of the rows, a slice at a time: a commit must not hold the writer for long."""
        ordered = sorted(outcomes, key=lambda each: (each.row.sobject, each.row.key))
        for refused in (each.row for each in ordered if each.fault is Fault.OWNER):
            self._pace.cannot_own(refused, self._monotonic())
        for start in range(0, len(ordered), SLICE):
            part = ordered[start : start + SLICE]
            await self._sender.store.write(partial(_store, part))
        self._tell(ordered)

    def _tell(self, outcomes: Iterable[Outcome]) -> None:
        at = self._sender.clock.now()
        by_state: dict[str, list[MirrorRow]] = {}
        for outcome in outcomes:
            row = outcome.row
            by_state.setdefault(outcome.state, []).append(row)
            if outcome.state == "dead":
                log.error("writeback.dead", org=self._org, object=row.sobject, key=row.key, error_code=outcome.code)
        for state, rows in by_state.items():
            oldest = min(row.dirty_since or at for row in rows)
            self._sender.observe(WriteBack(self._org, state, len(rows), max(0.0, at - oldest)))

    def _outbreak(self, outcomes: Iterable[Outcome]) -> Verdict | None:
        """Many rows refused for good with one code: it is the org (permission set, package), not the rows."""
        at = self._monotonic()
        for outcome in outcomes:
            row, where = outcome.row, scope(self._org)
            if outcome.fault is not Fault.PERMANENT:
                continue
            place = row.parent.record_id if row.parent else row.key
            if self._sender.outbreaks.note(where, outcome.code, place, at):
                log.error("writeback.outbreak", org=self._org, error_code=outcome.code)
                return park(Misconfigured(outcome.code, outcome.message, scope=where))
        return None

    async def _close_circuit(self) -> None:
        """The first call that goes through lets the org's other jobs run, before the rest is sent."""
        if self._probing:
            self._probing = False
            if await self._sender.store.write(lambda conn: close_circuit(conn, scope(self._org))):
                log.info("writeback.recovered", org=self._org)

    def _monotonic(self) -> float:
        return self._sender.clock.monotonic()


def _store(outcomes: Sequence[Outcome], conn: Connection) -> None:
    at = now(conn)
    mark_written(conn, [each.row for each in outcomes if each.state == "written"], at)
    mark_unsent(conn, [each.row for each in outcomes if each.state == "unsent"])
    for each in outcomes:
        if each.state in {"dirty", "parked", "dead"}:
            mark_failed(conn, each.row, each.code, each.message, due=at + each.after, state=each.state)
