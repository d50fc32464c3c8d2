"""doctor, what Salesforce asks for: rows of the outbox that can be read, rows that never will be, custom objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.cli.findings import AGAIN, Finding, fail, ok, warn
from gateway.connectors.salesforce import SalesforceConnector
from gateway.connectors.salesforce_types import Describe
from gateway.errors import GatewayError, Refused
from gateway.pipeline import outbox
from gateway.pipeline.outbox_row import columns
from gateway.projections.action import SOBJECT
from gateway.projections.rows import POINTING

if TYPE_CHECKING:
    from gateway.config import Mapping as FieldMapping
    from gateway.config import Org

ASSIGN = 'assign the permission set "Stripe Gateway Integration" to the user of orgs.{}'


async def outbox_findings(connector: SalesforceConnector, name: str, org: Org, seen: float | None) -> list[Finding]:
    """Whether rows that people and flows insert can be read and answered; ``seen``: when this org id was first met."""
    subject = f"org {name}"
    try:
        described = await connector.describe(name, SOBJECT)
        fault = _unreadable(described)
        if fault:
            return [fail(subject, "outbox", fault, ASSIGN.format(name))]
        if seen is None:
            return [ok(subject, "outbox", "can be read; the gateway has not run with this org id yet")]
        rows = await connector.query(name, outbox.left_alone(seen))
    except Refused as exc:
        return [fail(subject, "outbox", f"rows cannot be read: {exc.code}: {exc.message}", ASSIGN.format(name))]
    except GatewayError as exc:
        return [fail(subject, "outbox", f"{exc.code}: {exc.message}", AGAIN)]
    return [_old(subject, len(rows), seen) if rows else ok(subject, "outbox", "can be read and answered")]


def _unreadable(described: Describe) -> str:
    wanted = {*outbox.ROW, *columns()}
    hidden = sorted(wanted - set(described.fields))
    if hidden:
        return f"rows of the outbox cannot be read: {', '.join(hidden[:6])} missing or hidden"
    if not described.fields["Status__c"].updateable:
        return "rows of the outbox cannot be answered: the user may not edit Status__c"
    return ""


def _old(subject: str, count: int, seen: float) -> Finding:
    since = datetime.fromtimestamp(seen, UTC).strftime("%Y-%m-%d %H:%M UTC")
    many = f"at least {count}" if count >= outbox.PAGE else str(count)
    return warn(
        subject,
        "outbox",
        f"{many} queued rows are older than the gateway's first sight of this org ({since}) and are left alone: a "
        "refreshed sandbox carries production's",
        "delete them in Salesforce (Stripe Actions, status queued, created before); what is still wanted: insert anew",
    )


async def custom_findings(
    connector: SalesforceConnector,
    name: str,
    org: Org,
    mappings: Mapping[str, FieldMapping],
    known: Callable[[str], bool],
) -> list[Finding]:
    """Every object of the customer's own that actions may start from: the lookup to it on our objects."""
    found = []
    for sobject in sorted(each for each in org.objects if not known(each)):
        mapping = mappings.get(sobject)
        if mapping is None or mapping.lookup is None:
            text = "our rows do not point to its records: related lists and reports cannot show them"
            fix = f"add a lookup to {sobject} to {', '.join(POINTING)} and name it in mappings.{sobject}.lookup"
            found.append(warn(f"org {name}", f"{sobject} lookup", text, fix))
        else:
            found.append(await _lookup(connector, name, sobject, mapping.lookup))
    return found


async def _lookup(connector: SalesforceConnector, name: str, sobject: str, lookup: str) -> Finding:
    subject, check = f"org {name}", f"{sobject} lookup"
    wrong = []
    try:
        for ours in POINTING:
            field = (await connector.describe(name, ours)).fields.get(lookup)
            if field is None or field.type != "reference" or not (field.updateable or field.createable):
                what = (
                    "missing or hidden"
                    if field is None
                    else f"a {field.type}"
                    if field.type != "reference"
                    else "read-only"
                )
                wrong.append(f"{ours}.{lookup} is {what}")
    except GatewayError as exc:
        return fail(subject, check, f"{exc.code}: {exc.message}", AGAIN)
    if wrong:
        fix = f"make {lookup} a lookup to {sobject} on each of them, editable for the gateway's user"
        return fail(subject, check, "; ".join(wrong), fix)
    return ok(subject, check, f"{lookup} on {len(POINTING)} objects")
