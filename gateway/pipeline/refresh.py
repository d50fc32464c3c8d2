"""The direction Stripe → Salesforce: an object may have changed, so read it and project it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection

from gateway import projections
from gateway.engine import links, live, refundable
from gateway.engine.clock import now
from gateway.engine.numbers import next_number
from gateway.engine.worker import Claim, Done, Snooze, Verdict
from gateway.errors import CircuitOpen, Refused, Unavailable, UnknownOutcome
from gateway.pipeline.guard import status_of
from gateway.pipeline.project import merge_rows
from gateway.pipeline.work import Tools
from gateway.projections import Projection, Snapshot
from gateway.records import Json, SourceRef


async def refresh(tools: Tools, claim: Claim) -> Verdict:
    """Job kind ``refresh``: a number first, then the GET, so that a later reading is never overwritten by this one."""
    told = json.loads(tools.sealer.open(claim.payload or b"", f"job.payload:{claim.id}"))
    projection = projections.registry()[told["kind"]]
    number = await tools.store.write(next_number)
    try:
        body, lists = await _read(tools, told, projection)
    except CircuitOpen:
        raise
    except (Unavailable, UnknownOutcome) as exc:
        return Snooze(exc.retry_after or 30.0, exc.code, exc.message, keep_lane=False)

    def commit(conn: Connection) -> None:
        _apply(conn, tools, told, body, lists, number)

    return Done(commit, _touches(told, body))


def _touches(told: Mapping[str, Json], body: Mapping[str, Json]) -> tuple[str, ...]:
    """What the commit contends for: the record's stamp, and what may still be refunded where a refund has failed."""
    names = [f"stamp:{told['org']}:{told['record_id']}"]
    if told["kind"] == "refund" and body.get("charge"):
        names.append(f"charge:{told['entity']}:{body['charge']}")
    return tuple(names)


Lists = dict[str, list[Mapping[str, Json]]]


async def _read(tools: Tools, told: Mapping[str, Json], projection: Projection) -> tuple[dict[str, Json], Lists]:
    entity, stripe_id = told["entity"], told["id"]
    params = {"expand": list(projection.expand)} if projection.expand else None
    try:
        body = (await tools.stripe.call(entity, "GET", projection.path.format(id=stripe_id), params, priority=1)).body
    except Refused as exc:
        if exc.status != 404:
            raise
        return {"id": stripe_id, "deleted": True}, {}
    lists: Lists = {}
    for name, need in projection.needs.items():
        params = json.loads(json.dumps(need.params).replace("{id}", stripe_id))
        lists[name] = [item async for item in tools.stripe.list_all(entity, need.path, params)]
    return body, lists


def _apply(
    conn: Connection, tools: Tools, told: Mapping[str, Json], body: dict[str, Json], lists: Lists, number: int
) -> None:
    org, entity, owner = told["org"], told["entity"], told["owner"]
    at, ref = now(conn), SourceRef(told["sobject"], told["record_id"])
    source = owner.get("source")
    link = links.find(conn, org, entity, source) if source and told["kind"] != "customer" else None
    snapshot = Snapshot(
        entity=entity,
        livemode=bool(body.get("livemode", tools.entity(entity).mode == "live")),
        object=body,
        lists=lists,
        owner=ref,
        owner_account=owner.get("account"),
        contact=owner.get("contact"),
        customer_key=f"{entity}:{link.stripe_id}" if link is not None and link.stripe_id else None,
        time_zone=tools.entity(entity).time_zone,
    )
    rows = list(projections.project(told["kind"], snapshot))
    if told["kind"] in {"invoice", "payment_link"}:
        live.set_status(conn, entity, told["id"], status_of(told["kind"], body), at)
    if told["kind"] == "refund" and body.get("status") in {"failed", "canceled"}:
        made_by = (body.get("metadata") or {}).get("gw_action_id")
        if made_by:
            refundable.settle(conn, made_by, "released", at, told["id"])
    merge_rows(conn, tools, org, rows, ref, number, at)
