"""The org's own control routes: what an administrator, a colleague or bad luck does to it during a test."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.sandbox.control import PREFIX, flag, json_object, only, whole
from gateway.sandbox.salesforce import derived, seed
from gateway.sandbox.salesforce.access_query import LEVELS
from gateway.sandbox.salesforce.errors import SalesforceError
from gateway.sandbox.salesforce.identifiers import full_id
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.query import show_field
from gateway.sandbox.salesforce.saving import Writer
from gateway.sandbox.salesforce.schema import SObject
from gateway.sandbox.salesforce.world import SandboxUser

Steer = Callable[[Org, Mapping[str, Any]], Any]


def objects(org: Org, kind: str) -> list[Any] | None:
    """All records of an object with all fields, unfiltered by access; None when there is no such object."""
    sobject = org.schema.find(kind)
    if sobject is None:
        return None
    return [show_all(org, sobject, record) for record in org.store.all(sobject)]


def show_all(org: Org, sobject: SObject, record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: show_field(org, sobject, record, entry) for name, entry in sobject.fields.items()}


def user_of(org: Org, body: Mapping[str, Any]) -> SandboxUser:
    user = org.user_named(str(body.get("user", "")))
    if user is None:
        raise HTTPException(400, f"no such user: {body.get('user')}")
    return user


def record_id(body: Mapping[str, Any], member: str = "record") -> str:
    long = full_id(body.get(member))
    if long is None:
        raise HTTPException(400, f"{member} must be a record id")
    return long


def login(org: Org, body: Mapping[str, Any]) -> Any:
    """A session for any user, to act as a person over the REST API."""
    return {"access_token": org.login(user_of(org, body)).token}


def expire(org: Org, _: Mapping[str, Any]) -> Any:
    count = len(org.sessions)
    org.sessions.clear()
    return {"expired": count}


def lock(org: Org, body: Mapping[str, Any]) -> Any:
    """An approval process takes or frees a record."""
    target = record_id(body)
    if flag(body, "locked", True):
        org.locked.add(target)
    else:
        org.locked.discard(target)
    return {"locked": sorted(org.locked)}


def permission_sets(org: Org, body: Mapping[str, Any]) -> Any:
    held = org.permission_sets[user_of(org, body).id]
    held -= set(body.get("remove", ()))
    held |= set(body.get("add", ()))
    org.forget_access()
    return {"permission_sets": sorted(held)}


def share(org: Org, body: Mapping[str, Any]) -> Any:
    """``level``: None | Read | Edit | Delete | Transfer | All."""
    if (level := body.get("level", "Read")) not in LEVELS:
        raise HTTPException(400, f"level must be one of {', '.join(LEVELS)}")
    org.shares[user_of(org, body).id, record_id(body)] = level
    return {"shares": len(org.shares)}


def usage(org: Org, body: Mapping[str, Any]) -> Any:
    only(body, "used", "limit")
    org.calls = whole(body, "used", org.calls)
    org.daily_calls = whole(body, "limit", org.daily_calls)
    return {"used": org.calls, "limit": org.daily_calls, "logins": org.counts["logins"]}


def save(org: Org, body: Mapping[str, Any]) -> Any:
    """Create or change a record past rules, locks and access: ``{sobject, fields, id?, as?}``."""
    sobject = org.schema.find(str(body.get("sobject")))
    if sobject is None:
        raise HTTPException(400, f"no such object: {body.get('sobject')}")
    only(body, "sobject", "fields", "id", "as")
    fields = body.get("fields")
    if not isinstance(fields, dict):
        raise HTTPException(400, "fields must be an object of field names and values")
    user = user_of(org, {"user": body["as"]}) if "as" in body else org.world.users[0]
    writer = Writer(org, user, system=True)
    with org.store.transaction():
        if "id" in body:
            return {"id": writer.update(sobject, record_id(body, "id"), fields)}
        return {"id": writer.create(sobject, fields)}


def merge(org: Org, body: Mapping[str, Any]) -> Any:
    """Two accounts or contacts become one: the loser is deleted, what pointed at it points at the master."""
    master, loser = record_id(body, "master"), record_id(body, "loser")
    sobject = org.schema.objects[org.store.object_of[loser]]
    with org.store.transaction():
        for child in org.schema.objects.values():
            for field in child.indexed:
                for found in org.store.find(child, field, loser) if field.type == "reference" else ():
                    org.store.put(child, {**org.store.tables[child.name][found], field.name: master})
        org.store.remove(sobject, loser)
    org.store.merged[loser] = master
    return {"master": master}


def clone(org: Org, body: Mapping[str, Any]) -> Any:
    """Somebody clones a record: ``{record, stamp?}``; ``stamp`` false is an org whose flow clears it."""
    only(body, "record", "stamp")
    writer = Writer(org, org.world.users[0], system=True)
    with org.store.transaction():
        return {"id": seed.clone(org, writer, record_id(body), stamp=flag(body, "stamp", True))}


def remove(org: Org, body: Mapping[str, Any]) -> Any:
    target = record_id(body)
    sobject = org.schema.objects[org.store.object_of[target]]
    before = org.store.tables[sobject.name][target]
    with org.store.transaction():
        org.store.remove(sobject, target)
        derived.after_save(org, sobject.name, before)
    return {"deleted": target}


def flow_runs(org: Org, _: Mapping[str, Any]) -> Any:
    return org.flow_runs


STEERING: Mapping[str, Steer] = {
    "login": login,
    "sessions/expire": expire,
    "lock": lock,
    "permission_sets": permission_sets,
    "share": share,
    "usage": usage,
    "records": save,
    "merge": merge,
    "clone": clone,
    "delete": remove,
    "flow_runs": flow_runs,
}


def endpoint(org: Org, steer: Steer) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        body = await json_object(request) if request.method == "POST" else {}
        try:
            return JSONResponse(steer(org, body))
        except SalesforceError as exc:
            return JSONResponse(exc.body(), 400)
        except KeyError as exc:
            raise HTTPException(400, f"there is no {exc} here") from exc
        except (TypeError, ValueError, AttributeError) as exc:
            raise HTTPException(400, f"the body cannot be used: {exc}") from exc

    return run


def routes(org: Org) -> list[BaseRoute]:
    return [
        Route(f"{PREFIX}/{name}", endpoint(org, steer), methods=["GET", "POST"]) for name, steer in STEERING.items()
    ]
