"""Small work that comes back: sealing the audit chain, remembering the clock, letting old bodies go."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection, bindparam

from gateway import audit
from gateway.engine import clock, used_tokens
from gateway.engine.database import StoreUnavailable
from gateway.engine.ledger import BODY_DAYS
from gateway.engine.schema import action
from gateway.engine.settings import get_setting, put_setting
from gateway.engine.store import Store

log = structlog.get_logger("gateway.schedule")

SLICE = 500  # rows of one retention commit: no closure holds the writer for long
_CURSOR = "retention.action"


@dataclass(frozen=True, slots=True)
class Periodic:
    """``run`` is called every ``every`` seconds, never twice at a time."""

    name: str
    every: float
    run: Callable[[], Awaitable[object]]


class Schedule:
    """The periodic work of one process; each of them must be harmless when its peers do the same."""

    def __init__(self, work: Sequence[Periodic]) -> None:
        self._work = work
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(_repeat(work), name=f"schedule {work.name}") for work in self._work]

    async def stop(self) -> None:
        """Stop between two runs or within one; what a run had committed stands."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _repeat(work: Periodic) -> None:
    while True:
        try:
            await work.run()
        except StoreUnavailable:
            log.debug("schedule.put_off", work=work.name)
        except Exception:
            log.exception("schedule.failed", work=work.name)
        await asyncio.sleep(work.every)


def upkeep(store: Store, notary: audit.Notary, *, body_days: float = BODY_DAYS) -> list[Periodic]:
    """What every store needs."""
    logged: dict[str, audit.Head] = {}
    return [
        Periodic("audit", 0.5, lambda: seal_audit(store, notary)),
        Periodic("audit_heads", 60.0, lambda: log_heads(notary, logged)),
        Periodic("clock", 10.0, lambda: store.write(clock.remember)),
        Periodic("retention", 3600.0, lambda: age_out_all(store, body_days)),
        Periodic("used tokens", 600.0, lambda: forget_tokens(store)),
    ]


async def begin_audit(store: Store, notary: audit.Notary, orgs: Iterable[str]) -> None:
    """Before anything is accepted: chains that start here, and heads of those that go on."""
    _told(notary, await store.write(lambda conn: notary.begin(conn, orgs, clock.now(conn))))


async def seal_audit(store: Store, notary: audit.Notary) -> None:
    """Chain what is new, slice by slice; an idle gateway writes nothing."""
    while await store.read(lambda conn: audit.has_pending(conn, notary.refused)):
        sealed = await store.write(lambda conn: notary.seal(conn, clock.now(conn)))
        _told(notary, sealed)
        if sealed.rows < audit.SLICE:
            return


def _told(notary: audit.Notary, sealed: audit.Sealed) -> None:
    for problem in notary.remember(sealed):
        log.error("audit.refused", org=problem.org, place=problem.place, reason=problem.what)


async def log_heads(notary: audit.Notary, logged: dict[str, audit.Head]) -> None:
    """Heads that have moved: kept elsewhere, they show that rows were cut off and the chain was signed anew."""
    for org, head in notary.heads.items():
        if head.place and logged.get(org) != head:
            log.info("audit.head", head=str(head))
            logged[org] = head


async def forget_tokens(store: Store) -> None:
    """Let used tokens go that nobody would accept any more, slice by slice; with none there is nothing to write."""
    while tokens := await store.read(used_tokens.over):
        await store.write(lambda conn, tokens=tokens: used_tokens.forget(conn, tokens))  # type: ignore[misc]  # bound now


async def age_out_all(store: Store, body_days: float) -> None:
    """Let old bodies go, slice by slice."""
    forgotten = SLICE
    while forgotten == SLICE:
        forgotten = await store.write(lambda conn: age_out(conn, clock.now(conn) - body_days * 86400))


_NEXT = (
    sa.select(action.c.seq, action.c.accepted)
    .where(action.c.seq > bindparam("after"))
    .order_by(action.c.seq)
    .limit(SLICE)
)
# What has not ended is still needed to find out what happened.
_FORGET = (
    sa.update(action)
    .where(action.c.seq.between(bindparam("b_first"), bindparam("b_last")))
    .values(
        body=sa.case((action.c.ended.is_not(None), None), else_=action.c.body),
        plan=sa.case((action.c.ended.is_not(None), None), else_=action.c.plan),
    )
)


def age_out(conn: Connection, before: float) -> int:
    """Forget the bodies of the next `SLICE` actions accepted before that time; keys, answers and amounts stay."""
    after = int(get_setting(conn, _CURSOR) or 0)
    rows = conn.execute(_NEXT, {"after": after})
    seqs = [row.seq for row in itertools.takewhile(lambda row: row.accepted < before, rows)]
    if seqs:
        conn.execute(_FORGET, {"b_first": seqs[0], "b_last": seqs[-1]})
        put_setting(conn, _CURSOR, str(seqs[-1]))
    return len(seqs)
