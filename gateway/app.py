"""The composition root: the only place where settings become objects."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from functools import partial

import uvicorn
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Message, Receive, Scope, Send

from gateway.audit import Notary
from gateway.config import Config
from gateway.connectors.health import Health
from gateway.connectors.limits import Limiter
from gateway.connectors.salesforce import SalesforceConnector
from gateway.connectors.stripe import StripeConnector
from gateway.engine import schedule, used_tokens
from gateway.engine.alarms import Alarms
from gateway.engine.clock import Clock, SystemClock
from gateway.engine.database import transaction
from gateway.engine.migrations import HEAD, current, migrate
from gateway.engine.retry import INTERACTIVE, PATIENT, STANDING
from gateway.engine.settings import settings_like
from gateway.engine.store import Store, StoreUnavailable
from gateway.engine.worker import Engine, Handler
from gateway.errors import GatewayError
from gateway.observability import logs
from gateway.observability.metrics import Metrics
from gateway.observability.trace import Tracing
from gateway.pipeline import circuits, crashes, gauges, observing, outbox, refresh, run, unknown
from gateway.pipeline.accounts import check_accounts
from gateway.pipeline.reload import reload
from gateway.pipeline.tracing import traced
from gateway.pipeline.work import Tools
from gateway.sealing import Sealer
from gateway.web import faults
from gateway.web.actions import ActionRoutes
from gateway.web.auth import Authenticator
from gateway.web.guard import Guard
from gateway.web.openapi import DocumentRoutes
from gateway.web.operations import OperationRoutes, Timed
from gateway.web.outbox import OutboxRoutes
from gateway.web.protocol import uvicorn_options
from gateway.writeback import Sender, sender_job

log = logs.get_logger()

_OBJECTS_BETWEEN_COLLECTIONS = 10_000


@dataclass
class Gateway:
    """One running process: its tools and its ASGI application."""

    tools: Tools
    metrics: Metrics
    sender: Sender
    authenticator: Authenticator
    tracing: Tracing
    app: Guard
    schedule: schedule.Schedule
    notary: Notary
    stopping: bool = False
    refusal: GatewayError | None = None  # why it did not start, if that is the operator's to mend

    async def start(self) -> None:
        """Take up what a crash left and begin to work."""
        self.tools.store.bind(asyncio.get_running_loop())
        learned = await self.tools.store.read(lambda c: settings_like(c, "lines_per_call:"))
        self.tools.lines_per_call |= {entity: int(most) for entity, most in learned.items()}
        try:
            await check_accounts(self.tools)
        except GatewayError as exc:
            log.error("gateway.refused_to_start", error_code=exc.code, reason=exc.message)  # noqa: TRY400 - no trace
            self.refusal = exc
            await self._close(0.0)
            raise
        # "" is the chain of work that belongs to no org.
        await schedule.begin_audit(
            self.tools.store, self.notary, ["", *(o.id for o in self.tools.config.orgs.values())]
        )
        await self.tools.engine.start()
        await outbox.start(self.tools, [org.id for org in self.tools.config.orgs.values()])
        self.schedule.start()
        log.info("gateway.started", orgs=len(self.tools.config.orgs), entities=len(self.tools.config.entities))

    async def stop(self) -> None:
        """Finish what runs, within the grace; what is left is taken up at the next start."""
        self.stopping = True
        grace = self.tools.config.server.grace_seconds
        await self.schedule.stop()
        self.sender.stop()
        await self.tools.engine.stop(grace)
        with contextlib.suppress(StoreUnavailable):
            await schedule.seal_audit(self.tools.store, self.notary)
        await schedule.log_heads(self.notary, {})
        await self._close(grace)
        log.info("gateway.stopped")

    async def reload(self) -> bool:
        """Take new keys from the configuration file; see `gateway.pipeline.reload`."""
        return await reload(self.tools, self.authenticator.replace)

    async def _close(self, grace: float) -> None:
        await self.tools.stripe.close(grace)
        await self.tools.salesforce.close(grace)
        await asyncio.to_thread(self.tracing.close)
        await asyncio.to_thread(self.tools.store.close)


POLICIES = {
    "action": INTERACTIVE,
    "refresh": PATIENT,
    "lookup": PATIENT,
    "sender": PATIENT,
    "outbox": STANDING,
    "probe": STANDING,
}


def build(config: Config, *, clock: Clock | None = None, tracing: Tracing | None = None) -> Gateway:
    """Everything of one process, not yet started. Migrates an embedded database; PostgreSQL is the operator's."""
    ticking = clock or SystemClock()
    tracing = tracing or Tracing.open(config.server.traces_url)
    if config.database.url.startswith("sqlite") and not _is_current(config.database.url):
        migrate(config.database.url)
    metrics = Metrics()
    sealer = Sealer(config.sealing.bytes_by_id(), config.sealing.current, config.sealing.index_key.reveal())
    store = Store.open(config.database.url, clock=ticking)
    observe = partial(observing.call, metrics)
    limiter = Limiter(ticking, enabled=config.stripe.rate_limits, processes=lambda: engine.processes)
    handlers: dict[str, Handler] = {}
    engine = Engine(
        store,
        ticking,
        handlers,  # filled below, when there is something to handle with
        mourners={"action": lambda claim, code, conn: run.mourn(tools, claim, code, conn)},
        policies=POLICIES,
    )
    health = Health(ticking, lambda: engine.open_scopes)
    stripe = StripeConnector(
        config.entities,
        config.stripe.base_url,
        clock=ticking,
        limiter=limiter,
        observe=observe,
        health=health,
        tracing=tracing,
    )
    orgs = {org.id: org for org in config.orgs.values()}
    salesforce = SalesforceConnector(orgs, clock=ticking, observe=observe, health=health, tracing=tracing)
    tools = Tools(
        config=config,
        store=store,
        engine=engine,
        sealer=sealer,
        stripe=stripe,
        salesforce=salesforce,
        clock=ticking,
        observe=partial(observing.action, metrics),
        wake_sender=lambda conn, org: engine.stir(conn, sender_job(org)),
    )
    sender = Sender(store, salesforce, sealer, ticking, partial(observing.rows, metrics, salesforce))
    jobs: dict[str, Handler] = {
        "action": circuits.guarded(tools, crashes.letting_go(run.run)),
        "refresh": circuits.guarded(tools, refresh.refresh),
        "lookup": circuits.guarded(tools, unknown.look),
        "resolve": circuits.guarded(tools, unknown.resolve),
        "probe": circuits.guarded(tools, circuits.probe),
        "outbox": circuits.guarded(tools, outbox.pull),
        "sender": circuits.guarded(tools, lambda _, claim: sender.handle(claim), admitted=True),
    }
    handlers |= {kind: traced(tracing, store, handler) for kind, handler in jobs.items()}
    return _served(tools, metrics, sender, tracing)


def _is_current(url: str) -> bool:
    try:
        return current(url) == HEAD
    except StoreUnavailable:
        return False  # no file yet, or not readable: migrating tells


def _served(tools: Tools, metrics: Metrics, sender: Sender, tracing: Tracing) -> Gateway:
    config = tools.config
    alarms = Alarms(tools.store)
    gateway: Gateway

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await gateway.start()
        _reload_on_hangup(gateway)
        yield
        await gateway.stop()

    authenticator = Authenticator(
        tuple(config.orgs.values()),
        tools.clock,
        config.server,
        use_once=lambda org, jti, until: tools.store.write(lambda conn: used_tokens.use(conn, org, jti, until)),
    )
    routes = [
        *ActionRoutes(tools, authenticator, tracing).routes(),
        *OutboxRoutes(tools, authenticator).routes(),
        *OperationRoutes(tools.store, metrics, alarms, lambda: gateway.stopping).routes(),
        *DocumentRoutes(config.server.public_url).routes(),
    ]
    inner = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers=faults.HANDLERS,
        middleware=[Middleware(Timed, metrics=metrics, clock=tools.clock)],
    )
    inner.state.refused = metrics.refused
    notary = Notary(config.audit.signing_key.reveal())
    metrics.watch("audit_refused", "Audit chains that do not fit and are not sealed on", lambda: len(notary.refused))
    upkeep = schedule.upkeep(tools.store, notary)
    ticks = schedule.Schedule(
        [
            *upkeep,
            gauges.watch(tools, metrics, alarms),
            schedule.Periodic("circuits", 5.0, alarms.look),
        ]
    )
    guard = Guard(inner, config.server, metrics.refused)
    gateway = Gateway(tools, metrics, sender, authenticator, tracing, guard, ticks, notary)
    return gateway


def _reload_on_hangup(gateway: Gateway) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # signals are the main thread's: a server within another program is reloaded by it
    loop, running = asyncio.get_running_loop(), set[asyncio.Task[bool]]()

    def hung_up() -> None:
        task = loop.create_task(gateway.reload())
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, hung_up)


def serve(config: Config) -> None:
    """
    Serve until SIGTERM or SIGINT, then drain: in-flight requests are answered, the rest resumes later.

    SIGHUP has the keys in the configuration read again. Raises Misconfigured when it refuses to start.
    """
    logs.configure(config.server.log_format)
    gateway = build(config)
    # What is there now stays until the end: without this, every full collection (some 100 ms in which nothing is
    # answered) would look through all of it again.
    gc.collect()
    gc.freeze()
    # An action makes thousands of objects and few cycles: looking for these after every 700 is 3 to 7 % of its CPU.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)

    def app(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return gateway.app(scope, receive, _in_words(gateway, send) if scope["type"] == "lifespan" else send)

    try:
        uvicorn.Server(uvicorn.Config(app, interface="asgi3", **uvicorn_options(config.server))).run()
    except SystemExit:
        if gateway.refusal is not None:
            raise gateway.refusal from None
        raise


def _in_words(gateway: Gateway, send: Send) -> Send:
    """A refusal to start has been told in the log: the server needs no trace of it."""

    async def told(message: Message) -> None:
        quiet = gateway.refusal is not None and message["type"] == "lifespan.startup.failed"
        await send({**message, "message": ""} if quiet else message)

    return told


def resolve(config: Config, action_id: str, *, happened: bool, reason: str, actor: str) -> None:
    """Have the running server (or the next one) end an action of unknown outcome the way a person says."""
    sealer = Sealer(config.sealing.bytes_by_id(), config.sealing.current, config.sealing.index_key.reveal())

    def order(conn: Connection) -> str:
        return unknown.order(conn, sealer, unknown.Resolution(action_id, happened, actor, reason))

    with transaction(config.database.url) as conn:
        order(conn)
