"""Looks for work that nobody hands over: due retries, delayed jobs, probes, what peers left, missing claims."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from sqlalchemy import Connection

from gateway.engine import pauses, turns
from gateway.engine.clock import Clock, now
from gateway.engine.database import StoreUnavailable
from gateway.engine.lanes import Claim
from gateway.engine.pauses import Pause
from gateway.engine.slots import Slots
from gateway.engine.store import Store

log = structlog.get_logger("gateway.engine")

_ORPHANS = 20.0  # seconds between looks for claims whose commit stood but was never heard of
_INTERACTIVE = 0.2  # share of the slots kept for priority 0


class Pump:
    """One task; an idle one only reads."""

    def __init__(self, store: Store, clock: Clock, slots: Slots, poll: float) -> None:
        self._store = store
        self._clock = clock
        self._slots = slots
        self._poll = poll

    async def run(self) -> None:
        """Look when told to, at least every ``poll`` seconds, for ever."""
        orphans_due = 0.0
        while True:
            self._slots.free.clear()
            try:
                await self.claim_turns()
                if self._clock.monotonic() >= orphans_due:
                    await self.drop_orphans()
                    orphans_due = self._clock.monotonic() + _ORPHANS
            except StoreUnavailable:
                orphans_due = 0.0
            except Exception:
                log.exception("engine.look_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._slots.free.wait()

    async def claim_turns(self) -> None:
        """Claim what there is room for; the last slots are for interactive jobs."""
        slots = self._slots
        room = slots.concurrency - len(slots.running)
        slots.backlog = room <= 0
        if room <= 0:
            self._saw(await self._store.read(pauses.standing))
            return
        priority = 9 if room > slots.concurrency * _INTERACTIVE else 0

        def look(conn: Connection) -> tuple[list[Pause], turns.Turns]:
            return pauses.standing(conn), turns.look(conn, now(conn), slots=room, priority=priority)

        paused, found = await self._store.read(look)
        self._saw(paused)
        slots.open_scopes = found.open_scopes
        slots.backlog = len(found.runnable) >= room or priority == 0
        if found:
            claims = await self._store.write(lambda conn: self._claim(conn, found), [f"lane:{x}" for x in found.lanes])
            if found.released and len(claims) < room:
                slots.free.set()

    async def look_for_pauses(self) -> None:
        """Before anything is begun: what the operator stopped stays stopped over a restart."""
        self._saw(await self._store.read(pauses.standing))

    def _saw(self, standing: list[Pause]) -> None:
        known, found = self._slots.pauses, {each.scope: each for each in standing}
        for scope in found.keys() - known.keys():
            log.warning("pause.seen", scope=scope, reason=found[scope].reason)
        for scope in known.keys() - found.keys():
            log.info("pause.over", scope=scope)
        self._slots.pauses = found

    def _claim(self, conn: Connection, found: turns.Turns) -> list[Claim]:
        claims = turns.claim(conn, found, self._slots.holder(), now(conn))
        probes = {seq for _, seq in found.probes}
        self._slots.probing.update(claim.id for claim in claims if claim.seq in probes)
        for claim in claims:
            self._slots.launch_with_commit(claim)
        return claims

    async def drop_orphans(self) -> None:
        """Let go of claims that stand in the table but were never heard of: their commit's answer was lost."""
        orphans: list[tuple[str, str]] = []

        def look(conn: Connection) -> None:
            held = turns.held_by(conn, self._slots.node)
            # Compared when this commit is delivered: whatever was committed before it has been delivered by then.
            self._store.after_commit(lambda: orphans.extend(self._slots.unknown(held)))

        await self._store.write(look)
        if orphans:
            log.warning("engine.orphans", jobs=[job_id for job_id, _ in orphans])
            await self._store.write(lambda conn: turns.fall_back_each(conn, orphans))
            self._slots.free.set()
