"""Runs the jobs: first where they were accepted, then wherever there is room; each verdict is one fenced commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from gateway.engine import jobs, judge, lanes, turns
from gateway.engine.circuit import Outbreaks, close_circuit
from gateway.engine.clock import Clock, now
from gateway.engine.database import StoreUnavailable
from gateway.engine.lanes import Claim, Fenced, Holder, Job
from gateway.engine.liveness import Liveness, new_node_id
from gateway.engine.retry import RetryPolicy
from gateway.engine.settle import Settled, settle, touches
from gateway.engine.store import Store
from gateway.engine.verdicts import Dead, Done, Handler, Retry, Snooze, Verdict, WaitFor
from gateway.engine.waits import Waits

__all__ = ["Claim", "Dead", "Done", "Engine", "Handler", "Job", "Retry", "Snooze", "Verdict", "WaitFor"]

log = structlog.get_logger("gateway.engine")

_ORPHANS = 20.0  # seconds between looks for claims whose commit stood but was never heard of
_INTERACTIVE = 0.2  # share of the slots kept for priority 0


@dataclass(slots=True)
class Counters:
    """Since the start of this process; ``fenced`` are verdicts of jobs that a peer had taken over."""

    started: int = 0
    done: int = 0
    retried: int = 0
    dead: int = 0
    fenced: int = 0


class Engine:
    """
    The jobs of one process.

    ``lease`` is how long (seconds) a peer may be silent before its jobs are taken over although its connection
    lives; a dead connection is seen within a second. ``poll`` is how often unannounced work is looked for.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        handlers: Mapping[str, Handler],
        *,
        policies: Mapping[str, RetryPolicy] | None = None,
        concurrency: int = 64,
        node_id: int | None = None,
        lease: float = 10.0,
        poll: float = 0.5,
    ) -> None:
        self.store = store
        self.node = new_node_id() if node_id is None else node_id
        self.counters = Counters()
        self.open_scopes: frozenset[str] = frozenset()  # circuits that are open, as last seen
        self._clock = clock
        self._handlers = handlers
        self._policies = policies or {}
        self._concurrency = concurrency
        self._lease = lease
        self._poll = poll
        self._running: dict[str, Claim] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._probing: set[str] = set()
        self._waits = Waits(store, self._running.__contains__)
        self._outbreaks = Outbreaks()
        self._tokens = 0
        self._stopping = False
        self._backlog = False  # there was more to do than slots: look again whenever one is free
        self._poked = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._liveness: Liveness | None = None

    @property
    def running(self) -> int:
        """Jobs this process runs now."""
        return len(self._running)

    async def start(self) -> None:
        """Take up what a crash left and begin to look for work. The store must be bound to this loop."""
        if self.store.postgres:
            self._liveness = Liveness(self.store, self, self._lease)
            await asyncio.to_thread(self._liveness.start, asyncio.get_running_loop())
        else:
            # The file lock says that no other server lives: every claim in the table is a dead one's.
            await self.store.write(lambda conn: turns.fall_back(conn, None))
        self._pump = asyncio.create_task(self._look_for_work())

    async def stop(self, grace: float) -> None:
        """Claim nothing more, wait for what runs up to ``grace`` seconds, leave the rest to recovery."""
        self._stopping = True
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        if left := set(self._tasks):
            log.warning("engine.left_running", jobs=sorted(self._running))
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        if self._liveness is not None:
            await asyncio.to_thread(self._liveness.stop)

    def enqueue(self, conn: Connection, job: Job, *, here: bool = True) -> Claim | None:
        """
        Enter a job, inside a write.

        With ``here``, room and a free lane it is claimed at once: the claim is returned and its handler starts when
        the commit is durable. Otherwise it waits for its turn. None also when the id exists: the caller checks.
        """
        at = now(conn)
        claim = self._enter(conn, job, at) if here else None
        if claim is None and lanes.enter_queued(conn, job, at) and not here:
            self.store.after_commit(self.poke)
        return claim

    def stir(self, conn: Connection, job: Job, *, here: bool = True) -> None:
        """Enter a level-triggered job, or make the one that is there run (again): see `gateway.engine.jobs.stir`."""
        at = now(conn)
        state = lanes.state_of(conn, job.id)
        if state is None and here and self._enter(conn, job, at) is not None:
            return
        if jobs.stir(conn, job, at):
            self.store.after_commit(self.poke)

    def launch(self, claim: Claim) -> None:
        """Start the handler of a claim, once. `enqueue` has it done by the commit itself: calling it is optional."""
        known = self._running.get(claim.id)
        if known is None or known.claim != claim.claim:
            self.counters.started += 1
            self._running[claim.id] = claim
            task = asyncio.create_task(self._run(claim), name=f"job {claim.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def poke(self) -> None:
        """Look for work now."""
        self._poked.set()

    async def wait(self, job_id: str, seconds: float) -> bool:
        """Whether the job ended (or died) within ``seconds``, in whichever process."""
        return await self._waits.wait(job_id, seconds)

    def holds(self, conn: Connection, claim: Claim) -> bool:
        """Inside a write: whether the claim still stands. Commits on a handler's way that matter begin with it."""
        return lanes.holds(conn, claim)

    # Called by the liveness of this process, on the loop.

    def heard(self, job_ids: list[str]) -> None:
        """A peer ended these jobs."""
        for job_id in job_ids:
            self._waits.ended(job_id)

    # What follows is the engine's own business.

    def _enter(self, conn: Connection, job: Job, at: float) -> Claim | None:
        if self._stopping or job.state != "ready" or job.due > at or job.scope in self.open_scopes:
            return None
        if len(self._running) + self.store.pending_hooks >= self._concurrency:
            self._backlog = True
            return None
        claim = lanes.enter_running(conn, job, self._holder(), at)
        if claim is not None:
            self._launch_with(claim)
        return claim

    def _launch_with(self, claim: Claim) -> None:
        self.store.after_commit(lambda: self.launch(claim))

    def _holder(self) -> Holder:
        self._tokens += 1
        return Holder(self.node, f"{self.node:x}.{self._tokens:x}")

    async def _run(self, claim: Claim) -> None:
        try:
            verdict = await judge.verdict_of(self._handlers.get(claim.kind), claim)
            await self._settle(claim, self._weigh(claim, verdict))
        finally:
            self._forget(claim)

    def _forget(self, claim: Claim) -> None:
        self._probing.discard(claim.id)
        if self._running.get(claim.id) is claim:
            del self._running[claim.id]
        if self._backlog:
            self.poke()

    def _weigh(self, claim: Claim, verdict: Verdict) -> Verdict:
        policy = self._policies.get(claim.kind) or RetryPolicy()
        return judge.weigh(claim, verdict, policy, self._outbreaks, self._clock.monotonic())

    async def _settle(self, claim: Claim, verdict: Verdict) -> None:
        """Store the verdict, however long the store is away: what was done upstream must not be forgotten."""
        while True:
            try:
                settled = await self.store.write(self._commit(claim, verdict), touches(claim, verdict))
            except Fenced:
                self.counters.fenced += 1
                log.warning("job.fenced", job=claim.id, kind=claim.kind)
                return
            except StoreUnavailable:
                await asyncio.sleep(self._poll)
            except Exception as error:
                # The verdict's own commit does not pass: without it the job must not end, so it is tried again.
                log.exception("job.commit_failed", job=claim.id, kind=claim.kind)
                await asyncio.sleep(self._poll)
                verdict = self._weigh(claim, Retry("commit_failed", f"{type(error).__name__}: see the log"))
            else:
                self._settled(claim, verdict, settled)
                return

    def _commit(self, claim: Claim, verdict: Verdict) -> Callable[[Connection], Settled]:
        def commit(conn: Connection) -> Settled:
            settled = settle(conn, claim, verdict, None if self._stopping else self._holder())
            if isinstance(verdict, Done) and claim.scope and claim.id in self._probing:
                close_circuit(conn, claim.scope)
                self.store.after_commit(self.poke)
            if settled.following is not None:
                self._launch_with(settled.following)
            if settled.ended:
                if self._liveness is not None and self._liveness.peers:
                    self.store.notify(claim.id)
                self.store.after_commit(lambda: self._ended(claim))
            return settled

        return commit

    def _ended(self, claim: Claim) -> None:
        self._forget(claim)
        self._waits.ended(claim.id)

    def _settled(self, claim: Claim, verdict: Verdict, settled: Settled) -> None:
        match verdict:
            case Done():
                self.counters.done += 1
            case Retry():
                self.counters.retried += 1
            case Dead():
                self.counters.dead += 1
                log.error("job.dead", job=claim.id, kind=claim.kind, error_code=verdict.error_code)
            case _:
                pass
        if settled.woken:
            self.poke()
        if settled.later is not None and not self._stopping:
            asyncio.get_running_loop().call_later(settled.later, self.poke)

    async def _look_for_work(self) -> None:
        orphans_due = 0.0
        while True:
            self._poked.clear()
            try:
                await self._claim_turns()
                if self._clock.monotonic() >= orphans_due:
                    await self._drop_orphans()
                    orphans_due = self._clock.monotonic() + _ORPHANS
            except StoreUnavailable:
                orphans_due = 0.0
            except Exception:
                log.exception("engine.look_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._poked.wait()

    async def _claim_turns(self) -> None:
        slots = self._concurrency - len(self._running)
        self._backlog = slots <= 0
        if slots <= 0:
            return
        priority = 9 if slots > self._concurrency * _INTERACTIVE else 0
        found = await self.store.read(lambda conn: turns.look(conn, now(conn), slots=slots, priority=priority))
        self.open_scopes = found.open_scopes
        self._backlog = len(found.runnable) >= slots or priority == 0
        if not found:
            return
        claims = await self.store.write(lambda conn: self._claim(conn, found), [f"lane:{lane}" for lane in found.lanes])
        if found.released and len(claims) < slots:
            self.poke()

    def _claim(self, conn: Connection, found: turns.Turns) -> list[Claim]:
        claims = turns.claim(conn, found, self._holder(), now(conn))
        probes = {seq for _, seq in found.probes}
        self._probing.update(claim.id for claim in claims if claim.seq in probes)
        for claim in claims:
            self._launch_with(claim)
        return claims

    async def _drop_orphans(self) -> None:
        held = await self.store.write(lambda conn: turns.held_by(conn, self.node))
        known = {(claim.id, claim.claim) for claim in self._running.values()}
        if orphans := [pair for pair in held if pair not in known]:
            log.warning("engine.orphans", jobs=[job_id for job_id, _ in orphans])
            await self.store.write(lambda conn: turns.fall_back_each(conn, orphans))
            self.poke()
