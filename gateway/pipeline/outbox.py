"""
The outbox: rows of ``Stripe_Action__c`` that people and flows insert in Salesforce, read over our own session.

One job per org looks when somebody says so and once a minute anyway, so a callout that is lost loses nothing and a
gateway that Salesforce cannot reach still works. A row is an action with the row's id as its request key: however often
it is read, it is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import structlog
from simple_salesforce.format import format_soql
from sqlalchemy import Connection

from gateway import audit, policy
from gateway.connectors.salesforce_errors import scope
from gateway.engine import ledger, mirror
from gateway.engine.circuit import close_circuit
from gateway.engine.clock import now
from gateway.engine.database import StoreUnavailable
from gateway.engine.settings import get_setting, put_setting
from gateway.engine.worker import Claim, Done, Job, Snooze, Verdict
from gateway.errors import CircuitOpen, GatewayError, Misconfigured, Rejected
from gateway.ids import salesforce_id
from gateway.pipeline.accept import Submission, enter, work_of
from gateway.pipeline.outbox_row import columns, submission
from gateway.pipeline.work import Tools
from gateway.projections.action import SOBJECT, refused_row
from gateway.records import Json

log = structlog.get_logger("gateway.outbox")

PAGE = 200  # rows read in one call
_SLICE = 25  # rows entered in one commit: no closure holds the writer for long
_SWEEP = 60.0
# Share of the org's daily API calls → seconds between two looks that nobody asked for.
_SLOWED = ((0.9, 900.0), (0.8, 300.0), (0.0, _SWEEP))
_SKEW = 300.0  # a row may be this much older than our first sight of the org, by Salesforce's clock
ROW = ("Id", "Action__c", "Source_Record_Id__c", "Source_Object__c", "CreatedById", "LastModifiedById")

FIRST_SEEN = "org.first_seen:"  # setting, followed by the org id

Row = Mapping[str, Json]


def outbox_job(org: str) -> Job:
    """The job of an org; stirring it is looking at once."""
    return Job(f"outbox:{org}", "outbox", f"outbox:{org}", 1, scope=scope(org))


def wake(conn: Connection, tools: Tools, org: str) -> None:
    """Inside a write: look at this org's outbox now."""
    tools.engine.stir(conn, outbox_job(org))


def first_seen(conn: Connection, org: str) -> float:
    """When this org id was first configured here: a refreshed sandbox brings production's older rows along."""
    name = FIRST_SEEN + org
    known = get_setting(conn, name)
    if known is None:
        known = str(now(conn))
        put_setting(conn, name, known)
    return float(known)


async def pull(tools: Tools, claim: Claim) -> Verdict:
    """Job kind ``outbox``; it never ends, it sleeps until the next look, as long as its org is configured."""
    org = claim.id.removeprefix("outbox:")
    if all(each.id != org for each in tools.config.orgs.values()):
        return Done(proves=False)
    try:
        await _drain(tools, org)
    except (CircuitOpen, Misconfigured):
        raise  # parked with the org's circuit
    except GatewayError as exc:
        log.warning("outbox.unread", org=org, error_code=exc.code, reason=exc.message)
        return Snooze(max(exc.retry_after or 0.0, _SWEEP), exc.code, exc.message, keep_lane=False)
    if claim.error_code is not None:
        await tools.store.write(lambda conn: close_circuit(conn, scope(org)))
    return Snooze(_pause(tools, org), keep_lane=False)


def _pause(tools: Tools, org: str) -> float:
    usage = tools.salesforce.usage(org)
    used = usage[0] / usage[1] if usage and usage[1] else 0.0
    return next(seconds for share, seconds in _SLOWED if used >= share)


async def _drain(tools: Tools, org: str) -> None:
    since = await tools.store.write(lambda conn: first_seen(conn, org)) - _SKEW
    own, last = await _own_users(tools, org), ""
    while True:
        rows = await tools.salesforce.query(org, _soql(since, last))
        async with tools.ahead.turn(org):
            for start in range(0, len(rows), _SLICE):
                part = rows[start : start + _SLICE]
                await _take_up_each(tools, org, part, own)
        if len(rows) < PAGE:
            return
        last = str(rows[-1]["Id"])


def _soql(since: float, last: str) -> str:
    wanted = ", ".join((*ROW, *columns()))
    moment = _moment(since)
    after = f" AND Id > '{salesforce_id(last)}'" if last else ""
    return (
        f"SELECT {wanted} FROM Stripe_Action__c "  # noqa: S608 - our own names, a time, and a checked id
        f"WHERE Status__c = 'queued' AND Gateway_Action_Id__c = null AND CreatedDate >= {moment}{after} "
        f"ORDER BY Id LIMIT {PAGE}"
    )


def left_alone(since: float) -> str:
    """SOQL for rows that are never read, because they are older than our first sight of the org."""
    return (
        "SELECT Id FROM Stripe_Action__c WHERE Status__c = 'queued' "  # noqa: S608 - our own names and a time
        "AND Gateway_Action_Id__c = null "
        f"AND CreatedDate < {_moment(since - _SKEW)} LIMIT {PAGE}"
    )


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _own_users(tools: Tools, org: str) -> frozenset[str]:
    """The user the gateway logs in as: its own writes do not count as somebody's."""
    if org not in tools.own_users:
        name = tools.org(org).salesforce.username
        soql = format_soql("SELECT Id FROM User WHERE Username = {}", name)
        tools.own_users[org] = frozenset(salesforce_id(row["Id"]) for row in await tools.salesforce.query(org, soql))
    return tools.own_users[org]


async def _take_up_each(tools: Tools, org: str, rows: Sequence[Row], own_users: frozenset[str]) -> None:
    """In one commit; where that does not pass, each row in its own, so that a row keeps its failure to itself."""
    take_up = partial(_take_up, tools=tools, org=org, own_users=own_users)
    try:
        await tools.store.write(partial(take_up, rows=rows))
    except StoreUnavailable:
        raise
    except Exception:
        log.exception("outbox.rows_one_by_one", org=org, rows=len(rows))
        for row in rows:
            await _take_up_alone(tools, org, row, take_up)


async def _take_up_alone(tools: Tools, org: str, row: Row, take_up: Callable[..., None]) -> None:
    try:
        await tools.store.write(partial(take_up, rows=[row]))
    except StoreUnavailable:
        raise
    except GatewayError as exc:
        log.warning("outbox.row_left", org=org, row=row["Id"], error_code=exc.code)  # the operator's to mend: next look
    except Exception:
        log.exception("outbox.row_crashed", org=org, row=row["Id"])
        await _refuse_alone(tools, org, row)


async def _refuse_alone(tools: Tools, org: str, row: Row) -> None:
    """A bug of ours: nothing was begun, and it would meet this row again at every look, so the row is answered."""
    told = Rejected(
        "internal_error", "The gateway failed at this row and did nothing: report its id, insert a new row."
    )
    refuse = partial(_refuse, tools=tools, org=org, row_id=salesforce_id(row["Id"]), exc=told)
    try:
        await tools.store.write(partial(refuse, actor=salesforce_id(row["CreatedById"])))
    except StoreUnavailable:
        raise
    except Exception:
        log.exception("outbox.row_unanswered", org=org, row=row["Id"])


def _take_up(conn: Connection, tools: Tools, org: str, rows: Sequence[Row], own_users: frozenset[str]) -> None:
    """Each row for itself: one that is wrong is answered, and stops no other."""
    for row in rows:
        row_id = salesforce_id(row["Id"])
        if mirror.get(conn, tools.sealer, org, SOBJECT, row_id) is not None:
            continue  # its answer, or how it stands, is on the way
        try:
            _take(conn, tools, submission(org, row, own_users))
        except Rejected as exc:
            _refuse(conn, tools, org, row_id, salesforce_id(row["CreatedById"]), exc)


def _take(conn: Connection, tools: Tools, asked: Submission) -> None:
    known = ledger.by_key(conn, asked.caller.org, asked.caller.sub, asked.request.request_key)
    if known is None:
        work, mark = work_of(tools, asked)
        policy.allow(asked.caller, tools.org(asked.caller.org), work.action, work.ref, request_key=work.request_key)
        enter(conn, tools, work, mark)
    elif known.caller_kind != "outbox":
        raise Rejected("request_key_reused", "The id of this row was used as a request key before: insert a new row.")


def _refuse(conn: Connection, tools: Tools, org: str, row_id: str, actor: str, exc: Rejected) -> None:
    """Answered in the row itself, once; the answer is final."""
    told = refused_row(row_id, exc.code, exc.message)
    merged = mirror.merge(conn, tools.sealer, org, [told], number=mirror.ALWAYS, now=now(conn), priority=1)
    if merged.changed:
        detail: dict[str, Json] = {"error": exc.code}
        audit.record(conn, org=org, actor=actor, act="outbox.refused", ref=row_id, detail=detail, at=now(conn))
        tools.wake_sender(conn, org)


async def start(tools: Tools, orgs: Iterable[str]) -> None:
    """Have every org's outbox looked at from now on."""

    def commit(conn: Connection) -> None:
        for org in orgs:
            first_seen(conn, org)
            wake(conn, tools, org)

    await tools.store.write(commit)
