"""The ledger: actions and their steps. Functions over a connection."""

from __future__ import annotations

import json
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from gateway.engine.lanes import in_state
from gateway.engine.schema import action, job, step
from gateway.engine.statements import Row, upsert
from gateway.prepared import Prepared, Question
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


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """What the plan's commit stores beside the sealed plan."""

    entity: str
    plan: Json
    content_hash: str
    number: int
    amount_minor: int | None
    currency: str | None
    email_index: bytes | None


_PLANNED = (*StoredPlan.__dataclass_fields__, "status", "planned")
_INSERT = Prepared(
    action.insert().values(
        {name: bindparam(name) for name in dict.fromkeys([*NewAction.__dataclass_fields__, *_PLANNED, "accepted"])}
    )
)
_UNPLANNED = dict.fromkeys(_PLANNED) | {"status": Status.QUEUED.value}


def insert(conn: Connection, sealer: Sealer, new: NewAction, at: float, stored: StoredPlan | None = None) -> None:
    """Record an accepted action, with its plan where there is one. The request key is the caller's to check first."""
    values = _UNPLANNED | {name: getattr(new, name) for name in NewAction.__dataclass_fields__} | {"accepted": at}
    values["body"] = seal(sealer, new.body, f"action.body:{new.id}")
    if stored is not None:
        values |= _planned(sealer, new.id, stored, at)
    _INSERT.later(conn, values)


def _planned(sealer: Sealer, action_id: str, stored: StoredPlan, at: float) -> dict[str, Json]:
    values = {name: getattr(stored, name) for name in StoredPlan.__dataclass_fields__}
    values["plan"] = seal(sealer, stored.plan, f"action.plan:{action_id}")
    return {**values, "status": Status.PENDING.value, "planned": at}


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

# Nobody knows what it has done: it says so, or its job died with a plan and could not even tell of its death.
in_doubt = sa.or_(
    action.c.status == sa.literal_column(f"'{Status.UNKNOWN.value}'"),
    sa.and_(
        action.c.status == sa.literal_column(f"'{Status.PENDING.value}'"),
        sa.exists().where(job.c.id == action.c.id, in_state(job, "dead")),
    ),
)
_DOUBTFUL = Prepared(
    sa.select(action.c.id, action.c.name, action.c.status)
    .where(action.c.org == bindparam("org"), action.c.record_id == bindparam("record_id"), in_doubt)
    .order_by(action.c.seq)
)


def by_key(conn: Connection, org: str, sub: str, key: str) -> Row | None:
    """The action this caller has sent under this request key."""
    prepared, values = asks_by_key(org, sub, key)
    return prepared.first(conn, values)


def asks_by_key(org: str, sub: str, key: str) -> Question:
    """What `by_key` is going to ask."""
    return _BY_KEY, {"org": org, "sub": sub, "key": key}


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


def doubtful(conn: Connection, org: str, record_id: str) -> list[Row]:
    """The record's actions `in_doubt` (``id``, ``name``, ``status``), the oldest first."""
    prepared, values = asks_doubtful(org, record_id)
    return prepared.all(conn, values)


def asks_doubtful(org: str, record_id: str) -> Question:
    """What `doubtful` is going to ask."""
    return _DOUBTFUL, {"org": org, "record_id": record_id}


_PLAN = Prepared(
    action.update().where(action.c.id == bindparam("b_id")).values({name: bindparam(f"b_{name}") for name in _PLANNED})
)


def store_plan(conn: Connection, sealer: Sealer, action_id: str, stored: StoredPlan, at: float) -> None:
    """Freeze the plan: from here on it is sent from storage."""
    planned = _planned(sealer, action_id, stored, at)
    _PLAN.later(conn, {"b_id": action_id, **{f"b_{name}": value for name, value in planned.items()}})


_REPLAN = action.update().where(action.c.id == bindparam("b_id")).values(plan=bindparam("b_plan"))


def replace_plan(conn: Connection, sealer: Sealer, action_id: str, plan: Json) -> None:
    """Store a plan whose unsent steps were cut differently; what it is over stays the same."""
    sealed = seal(sealer, plan, f"action.plan:{action_id}")
    conn.execute(_REPLAN, {"b_id": action_id, "b_plan": sealed})


_BEGIN_LATE = action.update().where(action.c.id == bindparam("b_id")).values(planned=bindparam("b_planned"))


def begin_late(conn: Connection, action_id: str, at: float) -> None:
    """A plan of which nothing was sent is begun now: its keys grow old from here."""
    conn.execute(_BEGIN_LATE, {"b_id": action_id, "b_planned": at})


# Members of the answer that the row's own columns hold already.
_COLUMNS = {
    "action_id": "id",
    **{name: name for name in ("status", "request_id", "record_id", "stripe_id", "error_code")},
}
_END = Prepared(
    action.update()
    .where(action.c.id == bindparam("b_id"))
    .values(
        status=bindparam("b_status"),
        envelope=bindparam("b_envelope"),
        stripe_id=bindparam("b_stripe_id"),
        error_code=bindparam("b_error_code"),
        ended=bindparam("b_ended"),
        # What ends long after its body and plan should have gone takes them along.
        body=sa.case((action.c.accepted < bindparam("b_aged"), None), else_=action.c.body),
        plan=sa.case((action.c.accepted < bindparam("b_aged"), None), else_=action.c.plan),
    )
)
_RELEASE = action.update().where(action.c.id == bindparam("b_id")).values(request_key=None)


def end(
    conn: Connection, action_id: str, status: Status, envelope: dict[str, Json], at: float, *, release: bool = False
) -> None:
    """Store the answer; ``release`` frees the request key, where nothing was done under it."""
    _END.later(
        conn,
        {
            "b_id": action_id,
            "b_status": status.value,
            "b_envelope": dumps({k: v for k, v in envelope.items() if v is not None and k not in _COLUMNS}),
            "b_stripe_id": envelope.get("stripe_id"),
            "b_error_code": envelope.get("error_code"),
            "b_ended": None if status is Status.UNKNOWN else at,
            "b_aged": 0.0 if status is Status.UNKNOWN else at - BODY_DAYS * 86400,
        },
    )
    if release:
        conn.execute(_RELEASE, {"b_id": action_id})


def answer(row: Row) -> dict[str, Json]:
    """The answer that was stored, whole again."""
    return {**{member: getattr(row, column) for member, column in _COLUMNS.items()}, **json.loads(row.envelope)}


@dataclass(frozen=True, slots=True)
class StepRow:
    """The journal of one step and generation; times in seconds by the database's clock."""

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
    _JOURNAL.later(conn, {name: getattr(row, name) for name in _STEP_COLUMNS})
