"""Acceptance: a repeat gets the first answer; anything else is recorded before it is done. Then wait for the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from gateway import policy
from gateway.actions import Action, NeedsSource, RequestModel
from gateway.engine import entering, ledger, links, live
from gateway.engine.numbers import asks_next
from gateway.engine.statements import Row
from gateway.engine.worker import Job
from gateway.errors import Rejected
from gateway.ids import key_prefix, new_id, salesforce_id
from gateway.pipeline import answers, pausing
from gateway.pipeline.customer import customer_lane
from gateway.pipeline.gather import Facts
from gateway.pipeline.ledger_rows import insert, numbered
from gateway.pipeline.record import readable
from gateway.pipeline.routing import known_entity
from gateway.pipeline.settle import NeedsLive, Planned, settle
from gateway.pipeline.underway import told_to_ask_again
from gateway.pipeline.work import Answer, Tools, Work
from gateway.prepared import Question, ask_ahead
from gateway.records import Caller, Json, Plan, SourceRef, fingerprint

_PREFIXES = {source.prefix: source.sobject for source in readable().values()}


@dataclass(frozen=True, slots=True)
class Submission:
    """A request as it came in, validated."""

    caller: Caller
    action: Action
    request: RequestModel
    request_id: str
    traceparent: str | None = None


def source_ref(record_id: str, sobject: str | None) -> SourceRef:
    """The record, its object told by the id's prefix unless it is named."""
    full = salesforce_id(record_id)
    name = sobject or _PREFIXES.get(key_prefix(full))
    if name is None:
        raise Rejected("unknown_object", "Send object: the API name of the record's object.", field="object")
    if sobject and _PREFIXES.get(key_prefix(full), sobject) != sobject:
        raise Rejected("invalid_id", f"The record id is not one of {sobject}.", field="record_id")
    return SourceRef(name, full)


async def submit(tools: Tools, submission: Submission, *, wait: float) -> Answer:
    """Record the request, or find the one it repeats; then wait up to ``wait`` seconds for the end."""
    try:
        work, mark = work_of(tools, submission)
    except Rejected:
        # Today's configuration may refuse what an earlier one took: whoever repeats a request is told of the first.
        first = await tools.store.read(lambda conn: _first(conn, submission, _mark(submission)))
        if first is None:
            raise
        return await _told(tools, first, submission, wait)
    touches = (f"lane:{_lane(work)}", f"customer:{work.caller.org}:{getattr(work.request, 'account_id', None) or ''}")
    found = await tools.store.write(lambda conn: _accept(conn, tools, work, mark, submission), touches)
    if tools.engine.open_scopes & {f"stripe:{work.entity}"} or await _rests(tools, work, found):
        wait = 0.0  # nothing will happen while the caller waits
    if isinstance(found, str):
        return await _answer(tools, found, wait)
    return await _told(tools, found, submission, wait)


async def _told(tools: Tools, found: Row, submission: Submission, wait: float) -> Answer:
    """The answer to a request that was made before."""
    if found.status in ledger.OPEN:
        return await _answer(tools, found.id, wait)
    return Answer(found.id, {**answers.envelope_of(found), "replayed": True, "request_id": submission.request_id})


def _first(conn: Connection, submission: Submission, mark: str) -> Row | None:
    """The action sent before under this request key; raises Rejected where that was another request."""
    caller, request = submission.caller, submission.request
    row = ledger.by_key(conn, caller.org, caller.sub, request.request_key) if request.request_key else None
    if row is not None and row.fingerprint != mark:
        raise Rejected(
            "request_key_reused", "This request key was used for another request: send a new one.", field="request_key"
        )
    return row


def _mark(submission: Submission) -> str:
    request = submission.request
    ref = source_ref(request.record_id, request.object)
    body = {"action": submission.action.name, "record": ref.record_id, "body": request.content()}
    return fingerprint(body)


async def _rests(tools: Tools, work: Work, found: str | Row) -> bool:
    """Whether the operator has paused it before it began."""
    if isinstance(found, str):
        return pausing.pause_of(tools, work) is not None
    return bool(tools.engine.pauses) and await tools.store.read(lambda c: pausing.holding(c, tools, found)) is not None


def work_of(tools: Tools, submission: Submission) -> tuple[Work, str]:
    """The request as work to do, checked as far as the body alone allows, and its fingerprint."""
    request, action = submission.request, submission.action
    action.check(request)
    ref = source_ref(request.record_id, request.object)
    if ref.sobject not in action.sobjects and ref.sobject in _PREFIXES.values():
        raise Rejected("object_not_supported", f"{action.label} does not start from {ref.sobject}.", field="record_id")
    org = tools.org(submission.caller.org)
    entity = known_entity(tools.config, org, ref.sobject, request)
    at = tools.clock.now()
    return Work(
        id=new_id("act"),
        action=action,
        request=request,
        caller=submission.caller,
        ref=ref,
        accepted=at,
        entity=entity,
        expires=at + pausing.life_of(submission.caller.kind),
        request_id=submission.request_id,
        request_key=request.request_key,
    ), _mark(submission)


def _accept(conn: Connection, tools: Tools, work: Work, mark: str, submission: Submission) -> str | Row:
    """The row this repeats, or the id of the new action."""
    caller = work.caller
    ask_ahead(conn, _questions(work))
    row = _first(conn, submission, mark)
    if row is not None:
        return row
    if work.request_key is None:
        row = ledger.running_equal(conn, caller.org, work.ref.record_id, work.action.name, mark)
        if row is not None and row.caller_sub == caller.sub:  # another person's access has not been checked
            return row
    policy.allow(caller, tools.org(caller.org), work.action, work.ref, request_key=work.request_key)
    enter(conn, tools, work, mark, submission.traceparent)
    return work.id


def enter(conn: Connection, tools: Tools, work: Work, mark: str, traceparent: str | None = None) -> None:
    """Record an action that is allowed, and its job; it starts when the commit is durable, where there is room."""
    scope = f"stripe:{work.entity}" if work.entity else None
    claim = tools.engine.enqueue(conn, Job(work.id, "action", _lane(work), work.priority, scope=scope))
    begins = claim is not None and pausing.pause_of(tools, work) is None
    settled = _settled_at_once(conn, tools, work, mark, traceparent) if begins else None
    if settled is None:
        insert(conn, tools, work, mark, traceparent)
    told: dict[str, Json] = {"action": work.action.name, "caller": work.caller.kind, **work.ids}
    tools.store.after_commit(lambda: tools.observe("action.accepted", told))
    if claim is not None:
        tools.keep_warm(claim, settled or work)


def _questions(work: Work) -> Iterator[Question]:
    """What acceptance and an immediate plan are going to ask."""
    org = work.caller.org
    yield entering.asks_place(_lane(work), work.id)
    if work.request_key:
        yield ledger.asks_by_key(org, work.caller.sub, work.request_key)
    if _complete(work):
        reads = work.action.reads(work.request)
        if reads.live:
            yield ledger.asks_doubtful(org, work.ref.record_id)  # in the order in which the guard asks
            yield live.asks_of_record(org, work.ref.record_id, reads.live)
        source = getattr(work.request, "account_id", None)
        if source:
            yield links.asks_find(org, work.entity or "", str(source))
        yield asks_next()


def _complete(work: Work) -> bool:
    """Whether the body carries all that the plan needs, and nothing must be read."""
    reads = work.action.reads(work.request)
    return not (reads.source or reads.charge or work.entity is None or work.caller.user is not None)


def _lane(work: Work) -> str:
    if work.action.name == "create-customer":
        return customer_lane(work.caller.org, work.entity or "", work.ref.record_id)
    return f"{work.caller.org}:{work.ref.record_id}"


def _settled_at_once(conn: Connection, tools: Tools, work: Work, mark: str, traceparent: str | None) -> Work | None:
    """Recorded with its plan, where the body carries all it needs; None when nothing was recorded."""

    def keep(conn: Connection, tools: Tools, work: Work, plan: Plan, content_hash: str) -> Work:
        frozen, stored = numbered(conn, tools, work, plan, content_hash)
        insert(conn, tools, work, mark, traceparent, stored)
        return frozen

    if not _complete(work):
        return None
    try:
        settled = settle(conn, tools, work, Facts(), None, keep)
    except (NeedsSource, NeedsLive, Rejected):
        return None  # raised before anything was written; the job finds out again, with what it reads
    return settled.work if isinstance(settled, Planned) else None


async def _answer(tools: Tools, action_id: str, wait: float) -> Answer:
    if wait > 0 and await tools.engine.wait(action_id, wait):
        kept = tools.answers.get(action_id)
        if kept is not None:
            return kept
    found = await answers.state(tools, action_id)
    if found is None:
        raise Rejected("unknown_action", "There is no such action.", http_status=404)
    row, envelope = found
    if row.status in ledger.OPEN:
        await told_to_ask_again(tools, row)
    http_status, field = answers.told_by_http(row)
    return Answer(action_id, envelope, http_status, running=row.status in ledger.OPEN, field=field)
