"""Runs the jobs: first where they were accepted, then wherever there is room; each verdict is one fenced commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import structlog
from sqlalchemy import Connection

from gateway.engine import jobs, judge, lanes, turns
from gateway.engine.circuit import Outbreaks, close_circuit
from gateway.engine.clock import Clock, now
from gateway.engine.database import StoreBusy, StoreUnavailable
from gateway.engine.entering import Enter, Job, enter_free, enter_queued, enter_running
from gateway.engine.lanes import Claim, Fenced
from gateway.engine.liveness import Liveness, new_node_id
from gateway.engine.pauses import Pause
from gateway.engine.pump import Pump
from gateway.engine.retry import RetryPolicy
from gateway.engine.settle import Settled, settle, touches
from gateway.engine.slots import Slots
from gateway.engine.store import Store
from gateway.engine.verdicts import Dead, Done, Handler, Retry, Snooze, Verdict, WaitFor
from gateway.engine.waits import Waits
from gateway.prepared import ask_ahead

__all__ = ["Claim", "Dead", "Done", "Engine", "Handler", "Job", "Retry", "Snooze", "Verdict", "WaitFor"]

log = structlog.get_logger("gateway.engine")

_DEATH_TRIES = 5  # commits of a death in which telling of it failed, before it is stored untold

Mourner = Callable[[Claim, str, Connection], object]  # a job dies of this code: told in the commit that buries it


@dataclass(slots=True)
class Counters:
    """Since the start of this process; ``fenced`` are verdicts of jobs that a peer had taken over."""

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
        mourners: Mapping[str, Mourner] | None = None,
        concurrency: int = 64,
        node_id: int | None = None,
        lease: float = 10.0,
        poll: float = 0.5,
    ) -> None:
        self.store = store
        self.counters = Counters()
        self.slots = Slots(store, new_node_id() if node_id is None else node_id, concurrency, self._run)
        self.pump = Pump(store, clock, self.slots, poll)
        self._clock = clock
        self._handlers = handlers
        self._policies = policies or {}
        self._mourners = mourners or {}
        self._lease = lease
        self._poll = poll
        self._waits = Waits(store, self.slots.running.__contains__)
        self._outbreaks = Outbreaks()
        self._pump: asyncio.Task[None] | None = None
        self._liveness: Liveness | None = None

    @property
    def running(self) -> int:
        """Jobs this process runs now."""
        return len(self.slots.running)

    @property
    def open_scopes(self) -> frozenset[str]:
        """Circuits that are open, as last seen."""
        return self.slots.open_scopes

    @property
    def pauses(self) -> Mapping[str, Pause]:
        """What the operator has stopped, by scope, as last seen."""
        return self.slots.pauses

    @property
    def processes(self) -> int:
        """How many live on this database, this one included; as of the last heartbeat."""
        return 1 if self._liveness is None else 1 + self._liveness.peers

    @property
    def node(self) -> int:
        """The id of this process among its peers; a new one when they declared it dead."""
        return self.slots.node

    async def start(self) -> None:
        """Take up what a crash left and begin to look for work. The store must be bound to this loop."""
        await self.pump.look_for_pauses()
        if self.store.postgres:
            self._liveness = Liveness(self.store, self.slots, self._waits, self._lease)
            await asyncio.to_thread(self._liveness.start, asyncio.get_running_loop())
        else:
            # The file lock says that no other server lives: every claim in the table is a dead one's.
            await self.store.write(lambda conn: turns.fall_back(conn, None))
        self._pump = asyncio.create_task(self.pump.run())

    async def stop(self, grace: float) -> None:
        """Claim nothing more, wait for what runs up to ``grace`` seconds, leave the rest to recovery."""
        self.slots.closed = True
        await self._stop_pumping()
        await self.slots.drain(grace)
        if self._liveness is not None:
            await asyncio.to_thread(self._liveness.stop)

    async def abandon(self) -> None:
        """Stop without a word, as if the process had died: rows, claims and peers are left as they are."""
        self.slots.closed = True
        await self._stop_pumping()
        await self.slots.drain(0.0)
        if self._liveness is not None:
            await asyncio.to_thread(self._liveness.stop, leave=False)

    def enqueue(self, conn: Connection, job: Job, *, here: bool = True) -> Claim | None:
        """
        Enter a job, inside a write.

        With ``here``, room and a free lane it is claimed at once: the claim is returned and its handler starts when
        the commit is durable. Otherwise it waits for its turn. None also when the id exists: the caller checks.
        """
        at = now(conn)
        claim = self._enter(conn, job, at, enter_free) if here else None
        if claim is None and enter_queued(conn, job, at) and not here:
            self.store.after_commit(self.poke)
        return claim

    def stir(self, conn: Connection, job: Job, *, here: bool = True) -> None:
        """Enter a level-triggered job, or make the one that is there run (again): see `gateway.engine.jobs.stir`."""
        stirred: set[Job] = conn.info.setdefault("stirred", set())
        if job in stirred:
            return  # by an earlier closure of this commit: whatever that job is about to do begins after it
        stirred.add(job)
        at = now(conn)
        look = jobs.stir_standing(conn, job, at)
        if look is None and (not here or self._enter(conn, job, at, enter_running) is None):
            jobs.stir(conn, job, at)
            look = not here
        if look:
            self.store.after_commit(self.poke)

    def launch(self, claim: Claim) -> None:
        """Start the handler of a claim, once. `enqueue` has it done by the commit itself: calling it is optional."""
        self.slots.launch(claim)

    def poke(self) -> None:
        """Look for work now."""
        self.slots.free.set()

    async def wait(self, job_id: str, seconds: float) -> bool:
        """Whether the job ended (or died, or never was) within ``seconds``, in whichever process."""
        return await self._waits.wait(job_id, seconds)

    def probes(self, claim: Claim) -> bool:
        """Whether this job runs to try whether its circuit may be closed."""
        return claim.id in self.slots.probing

    def holds(self, conn: Connection, claim: Claim) -> bool:
        """Inside a write: whether the claim still stands. Commits on a handler's way that matter begin with it."""
        return lanes.holds(conn, claim)

    # What follows is the engine's own business.

    def _enter(self, conn: Connection, job: Job, at: float, enter: Enter) -> Claim | None:
        slots = self.slots
        if slots.closed or job.state != "ready" or job.due > at or job.scope in slots.open_scopes:
            return None
        claim = enter(conn, job, slots.holder(), at) if slots.has_room() else None
        if claim is not None:
            slots.launch_with_commit(claim)
        return claim

    async def _run(self, claim: Claim) -> None:
        try:
            verdict = await judge.verdict_of(self._handlers.get(claim.kind), claim)
            await self._settle(claim, self._weigh(claim, verdict))
        finally:
            self.slots.forget(claim)

    def _weigh(self, claim: Claim, verdict: Verdict) -> Verdict:
        policy = self._policies.get(claim.kind) or RetryPolicy()
        weighed = judge.weigh(claim, verdict, policy, self._outbreaks, self._clock.monotonic())
        mourner = self._mourners.get(claim.kind)
        if isinstance(weighed, Dead) and weighed.commit is None and mourner is not None:
            return replace(weighed, commit=partial(mourner, claim, weighed.error_code))
        return weighed

    async def _settle(self, claim: Claim, verdict: Verdict) -> None:
        """Store the verdict, however long the store is away: what was done upstream must not be forgotten."""
        failed_deaths = 0
        while True:
            try:
                settled = await self.store.write(self._commit(claim, verdict), touches(claim, verdict))
            except Fenced:
                self.counters.fenced += 1
                log.warning("job.fenced", job=claim.id, kind=claim.kind)
                return
            except Exception as error:
                if isinstance(error, StoreBusy) or not isinstance(error, StoreUnavailable):
                    # The verdict's own commit does not pass: without it the job must not end, so it is tried again.
                    log.exception("job.commit_failed", job=claim.id, kind=claim.kind)
                    failed_deaths += isinstance(verdict, Dead)
                    verdict = self._instead(claim, verdict, error, failed_deaths)
                await asyncio.sleep(self._poll)
            else:
                self._settled(claim, verdict, settled)
                return

    def _instead(self, claim: Claim, verdict: Verdict, error: Exception, failed_deaths: int) -> Verdict:
        """What is stored in place of a verdict that did not pass."""
        if isinstance(verdict, Dead) and verdict.commit is not None:
            # In the end nobody is told of the death, but a dead letter can be seen.
            return verdict if failed_deaths < _DEATH_TRIES else replace(verdict, commit=None)
        return self._weigh(claim, Retry("commit_failed", f"{type(error).__name__}: see the log"))

    def _commit(self, claim: Claim, verdict: Verdict) -> Callable[[Connection], Settled]:
        def commit(conn: Connection) -> Settled:
            ask_ahead(conn, verdict.questions if isinstance(verdict, Done) else ())
            settled = settle(conn, claim, verdict, None if self.slots.closed else self.slots.holder())
            if isinstance(verdict, Done) and verdict.proves and claim.scope and claim.id in self.slots.probing:
                close_circuit(conn, claim.scope)
                self.store.after_commit(self.poke)
            if settled.following is not None:
                self.slots.launch_with_commit(settled.following)
            if settled.ended:
                if self._liveness is not None and self._liveness.peers:
                    self.store.notify(claim.id)
                self.store.after_commit(lambda: self._ended(claim))
            return settled

        return commit

    def _ended(self, claim: Claim) -> None:
        self.slots.forget(claim)
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
        if settled.later is not None and not self.slots.closed:
            asyncio.get_running_loop().call_later(settled.later, self.poke)

    async def _stop_pumping(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
