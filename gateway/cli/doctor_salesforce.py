"""doctor, the Salesforce half: each org's login, identity, objects, fields, permissions and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.cli.doctor_outbox import custom_findings, outbox_findings
from gateway.cli.findings import AGAIN, Finding, fail, ok, skew, warn
from gateway.config.model import OBJECTS
from gateway.connectors import unobserved
from gateway.connectors.salesforce import SalesforceConnector
from gateway.connectors.server_time import server_time
from gateway.engine.clock import SystemClock
from gateway.errors import GatewayError, Refused, Unreachable
from gateway.projections import Snapshot, action, registry, roll_up
from gateway.records import Caller, Envelope, SourceRef

if TYPE_CHECKING:
    from gateway.config import Mapping as FieldMapping
    from gateway.config import Org

PERMISSION_SET = "Stripe Gateway Integration"
# Objects an org may not have come as package directories and permission sets of their own.
OPTIONAL = {"Order": "orders", "Quote": "quotes"}
SAMPLE_RECORD = "0" * 18


def wanted(objects: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Object → custom fields the gateway writes, asked of the projections themselves."""
    needed: dict[str, set[str]] = {}
    for projection in registry().values():
        for upsert in projection.project(Snapshot("us", livemode=False, object={"id": f"{projection.stripe}_1"})):
            needed.setdefault(upsert.sobject, set()).update(upsert.fields, {upsert.id_field})
    caller, answer = Caller("00D", "005", "person"), Envelope(success=True, status="queued")
    row = action.project(action.ActionFacts("act_1", "send-invoice", "queued", caller, 0, answer))
    needed[row.sobject] = {*row.fields, row.id_field}
    for sobject in objects:
        needed.setdefault(sobject, set()).update(roll_up.roll_up((), SourceRef(sobject, SAMPLE_RECORD)))
    return {sobject: frozenset(filter(None, map(_field, names))) for sobject, names in needed.items()}


def _field(member: str) -> str | None:
    """``Stripe_Invoice__r`` stands for the lookup ``Stripe_Invoice__c``; standard fields need no deploying."""
    return member.removesuffix("__r") + "__c" if member.endswith("__r") else member if member.endswith("__c") else None


async def probe(
    orgs: Mapping[str, Org], mappings: Mapping[str, FieldMapping], seen: Mapping[str, float]
) -> list[Finding]:
    """Everything about these orgs; ``seen``: when each org id was first met, as far as the database knows."""
    connector = SalesforceConnector(orgs, clock=SystemClock(), observe=unobserved)
    try:
        found = [await _org(connector, name, org, mappings, seen.get(org.id)) for name, org in orgs.items()]
    finally:
        await connector.close()
    return [finding for each in found for finding in each]


async def _org(
    connector: SalesforceConnector, name: str, org: Org, mappings: Mapping[str, FieldMapping], seen: float | None
) -> list[Finding]:
    subject = f"org {name}"
    try:
        clock = skew(subject, await server_time(org.salesforce.login_url), SystemClock().now())
        identity = await _identity(connector, subject, name, org)
    except GatewayError as exc:
        return [fail(subject, "login", f"{exc.code}: {exc.message}", _login_fix(exc, name, org))]
    objects = sorted(wanted(org.objects).items())
    described = [await _object(connector, subject, name, sobject, fields) for sobject, fields in objects]
    asked = await outbox_findings(connector, name, org, seen)
    custom = await custom_findings(connector, name, org, mappings, OBJECTS.__contains__)
    return [clock, identity, *described, *custom, *asked, _limits(connector, subject, name)]


async def _identity(connector: SalesforceConnector, subject: str, name: str, org: Org) -> Finding:
    [row] = await connector.query(name, "SELECT Id, IsSandbox FROM Organization LIMIT 1")
    if row["Id"] != org.id:
        fix = f"orgs.{name}: the login leads to another org; correct id, or login_url, username and consumer_key"
        return fail(subject, "login", f"logged in to org {row['Id']}, configured is {org.id}", fix)
    if bool(row.get("IsSandbox")) and org.mode == "live":
        return fail(subject, "login", "a live org that is a sandbox", f'set orgs.{name}.mode = "test"')
    return ok(subject, "login", f"{org.salesforce.username} at {row['Id']}, API {org.salesforce.api_version}")


def _login_fix(exc: GatewayError, name: str, org: Org) -> str:
    if isinstance(exc, Unreachable):
        return f"check orgs.{name}.salesforce.login_url ({org.salesforce.login_url}) and the network"
    if isinstance(exc, Refused) and exc.status == 404:  # logged in, and its REST API is not there
        return (
            f"correct orgs.{name}.salesforce.api_version: the org does not know {org.salesforce.api_version} "
            f"({org.salesforce.login_url}/services/data lists what it knows)"
        )
    return (
        f"orgs.{name}.salesforce: username, consumer_key and private_key must belong to one external client app that "
        "knows the certificate, and the user must be pre-authorised for it (by a permission set)"
    )


async def _object(
    connector: SalesforceConnector, subject: str, name: str, sobject: str, fields: frozenset[str]
) -> Finding:
    try:
        describe = await connector.describe(name, sobject)
    except Refused:
        text, fix = (
            f"the org has no {sobject}, or its user may not see it",
            f"deploy {_place(sobject)}, then {_assign(name, sobject)}",
        )
        standard = not sobject.endswith("__c")
        if standard:
            return warn(subject, sobject, text, f"remove {sobject} from orgs.{name}.objects if the org does not use it")
        return fail(subject, sobject, text, fix)
    except GatewayError as exc:
        return fail(subject, sobject, f"{exc.code}: {exc.message}", AGAIN)
    missing = sorted(fields - set(describe.fields))
    if missing:
        text = f"{len(missing)} of {len(fields)} fields are missing or hidden: {', '.join(missing[:6])}"
        return fail(subject, sobject, text, f"deploy {_place(sobject)}, then {_assign(name, sobject)}")
    locked = sorted(
        field for field in fields if not describe.fields[field].updateable and not describe.fields[field].createable
    )
    if locked:
        text = f"the user may not write {', '.join(locked[:6])}"
        return fail(subject, sobject, text, _assign(name, sobject))
    return ok(subject, sobject, f"{len(fields)} fields, writable")


def _place(sobject: str) -> str:
    if sobject not in OBJECTS and not sobject.startswith("Stripe_"):
        return f"the Stripe_* fields of main/core/objects/Opportunity to {sobject}, an object of your own"
    return "salesforce_metadata/" + (f"optional/{OPTIONAL[sobject]}" if sobject in OPTIONAL else "main")


def _assign(name: str, sobject: str) -> str:
    if sobject not in OBJECTS and not sobject.startswith("Stripe_"):
        return f"let the user of orgs.{name} read and edit them"
    which = f"{PERMISSION_SET} {OPTIONAL[sobject].title()}" if sobject in OPTIONAL else PERMISSION_SET
    return f'assign the permission set "{which}" to the user of orgs.{name}'


def _limits(connector: SalesforceConnector, subject: str, name: str) -> Finding:
    usage = connector.usage(name)
    if usage is None:
        return warn(subject, "API limit", "Salesforce did not say", "see Setup → Company Information")
    used, limit = usage
    text = f"{used} of {limit} requests of the last 24 hours are used"
    if used >= 0.8 * limit:
        return warn(subject, "API limit", text, "find what uses them; at 90 % the gateway's background work pauses")
    return ok(subject, "API limit", text)
