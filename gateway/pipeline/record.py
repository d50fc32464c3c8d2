"""The record an action starts from and whom it bills, read by the gateway's user under the caller's own access."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from urllib.parse import quote

from gateway import sources
from gateway.actions import Reads
from gateway.connectors.salesforce_access import access_of, access_query
from gateway.connectors.salesforce_errors import Fault, classify
from gateway.connectors.salesforce_types import Access, SubAnswer, SubRequest
from gateway.errors import GatewayError, Refused, Rejected, Unavailable
from gateway.pipeline.read_ahead import ahead_of
from gateway.pipeline.routing import RECORD_TYPE, wanted_fields
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, SourceRef
from gateway.sources import BillTo, Party, Rows, Source, SourceRecord
from gateway.sources.reading import BILL_TO, select, selected

# Fields only some orgs have (person accounts, state and country picklists, several currencies): selected where
# describe shows them.
OPTIONAL = {
    "Account": ("PersonEmail", "BillingCountryCode"),
    "Contact": ("MailingCountryCode", "MailingCountry"),
}
_OFFERED = 25  # contacts of an account that a preview offers


@cache
def readable() -> Mapping[str, Source]:
    """Every object records can be read from, found in the sources folder."""
    modules = (importlib.import_module(f"{sources.__name__}.{m.name}") for m in pkgutil.iter_modules(sources.__path__))
    found = (getattr(module, "SOURCE", None) for module in modules)
    return {source.sobject: source for source in found if isinstance(source, Source)}


async def read_source(tools: Tools, work: Work, *, needed: bool) -> SourceRecord | None:
    """
    The record; None where its object cannot be read and need not be. Whatever a person asks, their access comes
    first: until it is known, nobody learns and nothing is written about the record.
    """
    reader = readable().get(work.ref.sobject)
    if reader is not None:
        record = await read_record(tools, work, reader, work.ref)
        work.access_checked = True
        return record
    if (user := work.caller.user) is not None:
        found = await tools.salesforce.user_record_access(work.caller.org, user, [work.ref.record_id])
        if not any(access.edit for access in found.values()):
            raise _not_theirs("record_id")
    work.access_checked = True
    if needed:
        raise Rejected(
            "object_not_readable",
            f"{work.ref.sobject} cannot be read: send entity, lines, currency, account_id and recipient_email.",
        )
    return None


async def read_party(tools: Tools, work: Work, source: SourceRecord | None, *, needed: bool) -> Party | None:
    """Whom the customer is made from: the record's own account or contact, or the account that was named."""
    asked = getattr(work.request, "account_id", None)
    party = source.party if source else None
    if asked is None or (party and party.source_id == asked) or (source is None and not needed):
        return party
    account = await read_record(tools, work, readable()["Account"], SourceRef("Account", asked), field="account_id")
    return account.party


async def read_record(
    tools: Tools, work: Work, reader: Source, ref: SourceRef, *, field: str = "record_id"
) -> SourceRecord:
    """One Composite call: the record's queries and, for a person of whom it is not known, whether they may edit it."""
    org, names = work.caller.org, _names(tools, ref.sobject)
    also = (*selected(names), *await _routed(tools, org, ref.sobject), *await _optional(tools, org, ref.sobject))
    extra = tuple(dict.fromkeys(also))
    together = work.caller.kind == "outbox" and ref == work.ref
    ahead = await ahead_of(tools, work, reader, extra) if together else None
    rows: Mapping[str, Rows]
    known: Access | None
    if ahead is not None:
        rows, known = ahead.rows, ahead.access
    else:
        rows, known = await _read_alone(tools, work, reader, ref.record_id, extra)
    if not rows.get("record") or (known is not None and not known.edit):
        raise _not_theirs(field)
    return reader.parse(ref, rows, names)


async def _read_alone(
    tools: Tools, work: Work, reader: Source, record_id: str, extra: Sequence[str]
) -> tuple[Mapping[str, Rows], Access | None]:
    """The rows, none where it is known that there is no access; and the access, None where nobody's counts."""
    org, user = work.caller.org, work.caller.user
    queries = {name: part.soql for name, part in reader.queries([record_id], extra).items()}
    known = tools.salesforce.access.known(org, user, record_id) if user else None
    if known is not None and not known.edit:
        return {}, known
    if user is not None and known is None:
        queries["access"] = access_query(user, [record_id])
    rows = await _run(tools, org, queries)
    if user is not None and known is None:
        known = access_of(rows.pop("access")).get(record_id, Access(read=False, edit=False))
        tools.salesforce.access.remember(org, user, record_id, known)
    return rows, known


async def with_contacts(
    tools: Tools, work: Work, reads: Reads, source: SourceRecord | None, party: Party | None
) -> SourceRecord | None:
    """The record with the chosen contact of its account, or with those to offer where it names nobody to bill."""
    if source is None or party is None or party.sobject != "Account" or not reads.recipient:
        return source
    chosen = getattr(work.request, "contact_id", None)
    if chosen is None and (work.caller.kind == "outbox" or party.email or any(one.email for one in source.bill_to)):
        return source  # nobody looks at what a row of the outbox would be offered
    if any(one.contact_id == chosen for one in source.bill_to if chosen):
        return source
    where = f"AccountId = '{party.source_id}' AND " + (f"Id = '{chosen}'" if chosen else "Email != null")
    soql = select("Contact", BILL_TO, where, order="CreatedDate, Id", limit=_OFFERED)
    rows = await tools.salesforce.query(work.caller.org, soql)
    found = tuple(
        BillTo(row["Id"], row["Name"], row.get("Email"), "contact of the account")
        for row in await _visible(tools, work, rows)
    )
    return replace(source, bill_to=(*source.bill_to, *found)) if chosen else replace(source, contacts=found)


async def _visible(tools: Tools, work: Work, rows: list[dict[str, Json]]) -> list[dict[str, Json]]:
    user = work.caller.user
    if user is None or not rows:
        return rows
    access = await tools.salesforce.user_record_access(work.caller.org, user, [row["Id"] for row in rows])
    return [row for row in rows if row["Id"] in access and access[row["Id"]].read]


def _not_theirs(field: str) -> Rejected:
    return Rejected("no_such_record", "There is no such record, or you may not edit it.", field=field, http_status=404)


async def _run(tools: Tools, org: str, queries: Mapping[str, str]) -> dict[str, list[dict[str, Json]]]:
    requests = [SubRequest("GET", f"query?q={quote(soql)}", ref=name) for name, soql in queries.items()]
    answers = await tools.salesforce.composite(org, requests)
    rows: dict[str, list[dict[str, Json]]] = {}
    for answer in answers:
        if answer.status >= 400:
            raise _unread(answer)
        rows[answer.ref] = answer.body["records"]
    return rows


def _unread(answer: SubAnswer) -> GatewayError:
    """A part of the read that went wrong: what passes is tried again, anything else is the administrator's."""
    first = answer.body[0] if isinstance(answer.body, list) and answer.body else {}
    code, words = str(first.get("errorCode", "read_failed")), first.get("message", "no reason given")
    if answer.status >= 500 or classify(code) in {Fault.RETRY, Fault.REFRESH, Fault.PARK_LIMIT}:
        return Unavailable("salesforce_busy", f"Salesforce could not read the record just now: {words}")
    return Refused(code.lower(), f"Salesforce refused to read the record: {words}", status=answer.status)


def _names(tools: Tools, sobject: str) -> dict[str, str]:
    mapping = tools.config.mappings.get(sobject)
    return dict(mapping.fields) if mapping else {}


async def _routed(tools: Tools, org: str, sobject: str) -> list[str]:
    """Fields the routing rules turn on; an object without record types has no such field, so no rule on one holds."""
    wanted = wanted_fields(tools.config, tools.org(org), sobject)
    if RECORD_TYPE in wanted and "RecordTypeId" not in await _fields(tools, org, sobject):
        return [name for name in wanted if name != RECORD_TYPE]
    return list(wanted)


async def _optional(tools: Tools, org: str, sobject: str) -> list[str]:
    found: list[str] = []
    own = await _fields(tools, org, sobject)
    if "CurrencyIsoCode" in own:
        found.append("CurrencyIsoCode")
    parents = {"Account": ("AccountId" in own and sobject != "Account"), "Contact": sobject == "Contact"}
    for parent, fields in OPTIONAL.items():
        if sobject != parent and not parents[parent]:
            continue
        known = own if sobject == parent else await _fields(tools, org, parent)
        prefix = "" if sobject == parent else f"{parent}."
        found += [prefix + name for name in fields if name in known]
    return found


async def _fields(tools: Tools, org: str, sobject: str) -> Collection[str]:
    """The names of the object's fields, where the org shows it to the gateway's user at all."""
    try:
        return (await tools.salesforce.describe(org, sobject)).fields
    except Refused as exc:
        if exc.code != "NOT_FOUND":
            raise
        raise Rejected(
            "object_not_readable",
            f"Salesforce does not show {sobject} to the gateway: it is switched off in this org, or the gateway's user"
            ' lacks the permission set "Stripe Gateway Integration" (Orders and Quotes have one of their own). Your'
            " administrator can change that.",
        ) from exc
