"""
Records that rows of the outbox start from, read together: one call for all that wait, not one for each.

Whoever comes first reads for everybody who is not planned yet. All of them were accepted before the reading began, so
none is planned from a record as it was before somebody asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import structlog

from gateway.connectors.salesforce_access import access_of, access_query
from gateway.connectors.salesforce_types import Access, SubAnswer, SubRequest
from gateway.engine import backlog
from gateway.engine.backlog import Unplanned
from gateway.errors import GatewayError
from gateway.pipeline.shelf import Ahead
from gateway.pipeline.work import Tools, Work
from gateway.records import Json
from gateway.sources import Part, Source

log = structlog.get_logger("gateway.outbox")

MOST = 200  # records in one call; UserRecordAccess allows as many
_QUERIES = 5  # a Composite call holds no more of them


async def ahead_of(tools: Tools, work: Work, reader: Source, extra: Sequence[str]) -> Ahead | None:
    """What was read for this action, in company; None where it must read for itself. Raises as a reading does."""
    shelf, org = tools.ahead, work.caller.org
    async with shelf.turn(org, reader.sobject):
        if not shelf.knows(work.id, tools.clock.monotonic()):
            async with shelf.turn(org):  # rows that are being entered come along
                waiting = await tools.store.read(lambda conn: backlog.unplanned(conn, org, reader.sobject, MOST))
            if len(waiting) < 2:
                return None
            await _read(tools, org, reader, extra, waiting)
        return shelf.take(work.id)


async def _read(tools: Tools, org: str, reader: Source, extra: Sequence[str], waiting: Sequence[Unplanned]) -> None:
    found: dict[str, Ahead | GatewayError | None]
    try:
        found = await _together(tools, org, reader, extra, waiting)
    except GatewayError as exc:
        found = {each.action_id: exc for each in waiting}
    tools.ahead.keep(found, tools.clock.monotonic())


async def _together(
    tools: Tools, org: str, reader: Source, extra: Sequence[str], waiting: Sequence[Unplanned]
) -> dict[str, Ahead | GatewayError | None]:
    """By action. Where something cannot be read together each reads for itself, and hears of its own fault only."""
    found: dict[str, Ahead | GatewayError | None] = {each.action_id: None for each in waiting}
    parts = reader.queries(sorted({each.record_id for each in waiting}), extra)
    users = {user: f"access{n}" for n, user in enumerate(sorted({each.user for each in waiting}))}
    answered = await _run(tools, org, parts | {name: _access(user, waiting) for user, name in users.items()})
    if not all(name in answered for name in parts):
        return found
    by_record = {name: _by(part.by, answered[name]) for name, part in parts.items()}
    for user, name in users.items():
        access = access_of(answered.get(name, []))
        for each in (each for each in waiting if each.user == user and name in answered):
            may = access.get(each.record_id, Access(read=False, edit=False))
            tools.salesforce.access.remember(org, user, each.record_id, may)
            rows = {part: rows.get(each.record_id, []) for part, rows in by_record.items()}
            found[each.action_id] = Ahead(rows, may)
    return found


def _access(user: str, waiting: Sequence[Unplanned]) -> Part:
    return Part(access_query(user, sorted({each.record_id for each in waiting if each.user == user})))


async def _run(tools: Tools, org: str, parts: Mapping[str, Part]) -> dict[str, list[dict[str, Json]]]:
    """The rows of each part that could be read, all pages of it."""
    names, found = list(parts), dict[str, list[dict[str, Json]]]()
    for start in range(0, len(names), _QUERIES):
        some = names[start : start + _QUERIES]
        requests = [SubRequest("GET", f"query?q={quote(parts[name].soql)}", ref=name) for name in some]
        for answer in await tools.salesforce.composite(org, requests):
            if answer.ok:
                found[answer.ref] = await tools.salesforce.whole(org, answer.body)
            else:
                log.warning("outbox.not_read_together", org=org, part=answer.ref, error_code=_code(answer))
    return found


def _code(answer: SubAnswer) -> str:
    return answer.errors[0].code if answer.errors else str(answer.status)


def _by(name: str, rows: list[dict[str, Json]]) -> dict[str, list[dict[str, Json]]]:
    """Rows by the record they belong to, in their order."""
    found: dict[str, list[dict[str, Json]]] = {}
    for row in rows:
        found.setdefault(str(row[name]), []).append(row)
    return found
