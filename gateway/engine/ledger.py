"""The ledger: actions and their steps. Functions over a connection."""

from __future__ import annotations

import json
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine.schema import action, step
from gateway.engine.statements import Row, upsert
from gateway.prepared import Prepared
from gateway.records import Json, Status, dumps
from gateway.sealing import Sealer

BODY_DAYS = 90.0  # what was asked is kept this long, word for word
OPEN = (Status.QUEUED, Status.PENDING, Status.AWAITING_APPROVAL)


@dataclass(frozen=True, slots=True)
class NewAction:
    """A row as it is accepted: who asks for what, and the fingerprint of what was asked."""

    id: str
    org: str
    entity: str | None
    name: str
    sobject: str | None
    record_id: str | None
    caller_sub: str
    caller_kind: str
    request_key: str | None
    fingerprint: str
    body: Json
    request_id: str | None = None
    traceparent: str | None = None
    parent: str | None = None
    expires: float | None = None


_INSERT = Prepared(
    action.insert().values(
        {c.name: bindparam(c.name) for c in action.c if c.name in NewAction.__dataclass_fields__}
        | {"status": bindparam("status"), "accepted": bindparam("accepted")}
    )
)


def insert(conn: Connection, sealer: Sealer, new: NewAction, at: float) -> None:
    """Record an accepted action. The unique request key is the caller's to check first (`by_key`)."""
    values = {name: getattr(new, name) for name in NewAction.__dataclass_fields__}
    values["body"] = seal(sealer, new.body, f"action.body:{new.id}")
    _INSERT.run(conn, {**values, "status": Status.QUEUED.value, "accepted": at})


def seal(sealer: Sealer, value: Json, bound_to: str) -> bytes:
    """Seal a JSON value to the row and column it stands in."""
    return sealer.seal(dumps(value).encode(), bound_to)


def unseal(sealer: Sealer, blob: bytes | None, bound_to: str) -> Json:
    """The JSON value sealed for this row and column, or None where nothing is stored (aged out)."""
    return None if blob is None else json.loads(sealer.open(blob, bound_to))


_BY_KEY = Prepared(
    sa.select(action).where(
        action.c.org == bindparam("org"),
        action.c.caller_sub == bindparam("sub"),
        action.c.request_key == bindparam("key"),
    )
)
_BY_ID = Prepared(sa.select(action).where(action.c.id == bindparam("id")))
_EQUAL = Prepared(
    sa.select(action)
    .where(
        action.c.org == bindparam("org"),
        action.c.record_id == bindparam("record_id"),
        action.c.name == bindparam("name"),
        action.c.fingerprint == bindparam("fingerprint"),
        action.c.status.in_([sa.literal_column(f"'{s.value}'") for s in OPEN]),
    )
    .order_by(action.c.seq.desc())
    .limit(1)
)


def by_key(conn: Connection, org: str, sub: str, key: str) -> Row | None:
    """The action this caller has sent under this request key."""
    return _BY_KEY.first(conn, {"org": org, "sub": sub, "key": key})


def by_id(conn: Connection, action_id: str) -> Row | None:
    """One action, whole."""
    return _BY_ID.first(conn, {"id": action_id})


def traceparent_of(conn: Connection, action_id: str) -> str | None:
    """Where in a distributed trace the action was accepted."""
    found: str | None = conn.execute(sa.select(action.c.traceparent).where(action.c.id == action_id)).scalar()
    return found


def running_equal(conn: Connection, org: str, record_id: str, name: str, fingerprint: str) -> Row | None:
    """An equal request that has not ended: one without a request key joins it."""
    values = {"org": org, "record_id": record_id, "name": name, "fingerprint": fingerprint}
    return _EQUAL.first(conn, values)


_PLAN = Prepared(
    action.update()
    .where(action.c.id == bindparam("b_id"))
    .values(
        entity=bindparam("b_entity"),
        status=bindparam("b_status"),
        plan=bindparam("b_plan"),
        plan_hash=bindparam("b_plan_hash"),
        content_hash=bindparam("b_content_hash"),
        number=bindparam("b_number"),
        amount_minor=bindparam("b_amount"),
        currency=bindparam("b_currency"),
        email_index=bindparam("b_email"),
        planned=bindparam("b_planned"),
    )
)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """What the plan's commit stores beside the sealed plan."""

    entity: str
    plan: Json
    plan_hash: str
    content_hash: str
    number: int
    amount_minor: int | None
    currency: str | None
    email_index: bytes | None


def store_plan(conn: Connection, sealer: Sealer, action_id: str, stored: StoredPlan, at: float) -> None:
    """Freeze the plan: from here on it is sent from storage."""
    _PLAN.run(
        conn,
        {
            "b_id": action_id,
            "b_entity": stored.entity,
            "b_status": Status.PENDING.value,
            "b_plan": seal(sealer, stored.plan, f"action.plan:{action_id}"),
            "b_plan_hash": stored.plan_hash,
            "b_content_hash": stored.content_hash,
            "b_number": stored.number,
            "b_amount": stored.amount_minor,
            "b_currency": stored.currency,
            "b_email": stored.email_index,
            "b_planned": at,
        },
    )


_REPLAN = (
    action.update()
    .where(action.c.id == bindparam("b_id"))
    .values(plan=bindparam("b_plan"), plan_hash=bindparam("b_plan_hash"))
)


def replace_plan(conn: Connection, sealer: Sealer, action_id: str, plan: Json, plan_hash: str) -> None:
    """Store a plan whose unsent steps were cut differently; what it is over stays the same."""
    sealed = seal(sealer, plan, f"action.plan:{action_id}")
    conn.execute(_REPLAN, {"b_id": action_id, "b_plan": sealed, "b_plan_hash": plan_hash})


_END = Prepared(
    action.update()
    .where(action.c.id == bindparam("b_id"))
    .values(
        status=bindparam("b_status"),
        envelope=bindparam("b_envelope"),
        stripe_id=bindparam("b_stripe_id"),
        error_code=bindparam("b_error_code"),
        ended=bindparam("b_ended"),
        # What ends long after its body should have gone takes it along.
        body=sa.case((action.c.accepted < bindparam("b_aged"), None), else_=action.c.body),
    )
)
_RELEASE = action.update().where(action.c.id == bindparam("b_id")).values(request_key=None)


def end(
    conn: Connection, action_id: str, status: Status, envelope: dict[str, Json], at: float, *, release: bool = False
) -> None:
    """Store the answer; ``release`` frees the request key, where nothing was done under it."""
    _END.run(
        conn,
        {
            "b_id": action_id,
            "b_status": status.value,
            "b_envelope": dumps({k: v for k, v in envelope.items() if v is not None}),
            "b_stripe_id": envelope.get("stripe_id"),
            "b_error_code": envelope.get("error_code"),
            "b_ended": None if status is Status.UNKNOWN else at,
            "b_aged": 0.0 if status is Status.UNKNOWN else at - BODY_DAYS * 86400,
        },
    )
    if release:
        conn.execute(_RELEASE, {"b_id": action_id})


@dataclass(frozen=True, slots=True)
class StepRow:
    """The journal of one step and generation; times in seconds by the gateway's clock."""

    action_id: str
    n: int
    generation: int
    name: str
    state: str
    idempotency_key: str | None
    stripe_id: str | None
    request_id: str | None
    http_status: int | None
    error_code: str | None
    attempts: int
    saved: str | None
    sent: float
    ended: float | None


_STEPS = Prepared(
    sa.select(*(step.c[name] for name in StepRow.__dataclass_fields__))
    .where(step.c.action_id == bindparam("id"))
    .order_by(step.c.n, step.c.generation)
)


def steps(conn: Connection, action_id: str) -> list[StepRow]:
    """The journal of an action in order."""
    return [StepRow(*row) for row in _STEPS.all(conn, {"id": action_id})]


_UNSENT = Prepared(
    sa.select(step.c.n).where(step.c.action_id == bindparam("id"), step.c.n == 0, step.c.state == "unsent")
)


def certainly_unsent(conn: Connection, action_id: str) -> bool:
    """Whether a planned action was put down with that said; without the note a crash may have hidden a call."""
    return _UNSENT.first(conn, {"id": action_id}) is not None


_STEP_COLUMNS = tuple(c.name for c in step.c)
# What is known to be done stays so, whatever a process says that was frozen meanwhile.
_JOURNAL = Prepared(upsert(step, _STEP_COLUMNS[3:], unless=step.c.state == sa.literal_column("'done'")))


def journal(conn: Connection, row: StepRow) -> None:
    """Write or overwrite the journal row of one step and generation; a ``done`` one is left as it is."""
    _JOURNAL.run(conn, {name: getattr(row, name) for name in _STEP_COLUMNS})
