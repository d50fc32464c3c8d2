"""
``POST /apex/StripePaymentsController.<method>``: what the Apex class does for the card, over the org's own rows.

Body: the parameters as JSON. ``?as=<user id>`` names who is looking. Errors: 400 ``{"body": {"message": …}}``.
"""

import datetime
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.sandbox.salesforce.answers import Shown, read_answer, read_preview, refused, refused_preview
from gateway.sandbox.salesforce.apex import callout
from gateway.sandbox.salesforce.errors import SalesforceError
from gateway.sandbox.salesforce.identifiers import full_id
from gateway.sandbox.salesforce.labels import label
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.overview import SEND, may, overview
from gateway.sandbox.salesforce.source_record import AuraError, Row, SourceRecord, select
from gateway.sandbox.salesforce.world import SandboxUser

REQUEST_KEY = re.compile(r"[\x21-\x7E](?:[\x20-\x7E]{0,253}[\x21-\x7E])?")
ACT_SECONDS, PREVIEW_SECONDS, FIND_SECONDS = 20.0, 15.0, 10.0
# What may be sent with each action; record, object, key and token are set here. Anything else is left out.
MEMBERS: Mapping[str, frozenset[str]] = {
    "create-customer": frozenset({"entity", "recipient_email", "tax_id_type", "tax_id_value"}),
    "send-invoice": frozenset(
        {"account_id", "additional", "automatic_tax", "contact_id", "currency", "custom_fields", "days_until_due"}
        | {"description", "discount_amount", "due_date", "entity", "footer", "line_ids", "lines", "po_number"}
        | {"portion_amount", "portion_percent", "recipient_email", "reference", "replace", "tax_rates"}
    ),
    "create-payment-link": frozenset(
        {"amount", "automatic_tax", "currency", "description", "entity", "lines", "reusable"}
    ),
    "refund-payment": frozenset(
        {"amount", "charge", "currency", "entity", "invoice", "note", "payment_intent", "reason"}
    ),
}


@dataclass(frozen=True)
class Controller:
    """One person's calls."""

    org: Org
    user: SandboxUser

    async def overview(self, given: Row) -> Shown:
        return overview(self.source(given))

    async def preview(self, given: Row) -> Shown:
        action, source = str(given.get("action")), self.source(given)
        if refusal := self.refusal(action):
            return refused_preview(refusal)
        body = self.body(action, source, given.get("options"))
        path = f"/v1/actions/{quote(action)}/preview"
        reply = await callout(self.org, "POST", path, subject=self.user.id, body=plain(body), seconds=PREVIEW_SECONDS)
        due = body.get("due_date")
        return read_preview(self.org, reply, due if isinstance(due, datetime.date) else None)

    async def run(self, given: Row) -> Shown:
        action, source, key = str(given.get("action")), self.source(given), str(given.get("requestKey") or "")
        if refusal := self.refusal(action):
            return refusal
        if not REQUEST_KEY.fullmatch(key):
            return refused("invalid_request_key", self.label("Invalid_Request_Key"))
        body = self.body(action, source, given.get("options")) | {"preview_token": given.get("previewToken")}
        reply = await callout(
            self.org,
            "POST",
            f"/v1/actions/{quote(action)}",
            subject=self.user.id,
            body=plain(body),
            headers={"Idempotency-Key": key, "Prefer": "wait=8"},
            seconds=ACT_SECONDS,
        )
        return read_answer(self.org, reply, key)

    async def find(self, given: Row) -> Shown:
        key = str(given.get("requestKey") or "")
        path = f"/v1/actions?request_key={quote(key, safe='')}"
        return read_answer(
            self.org, await callout(self.org, "GET", path, subject=self.user.id, seconds=FIND_SECONDS), key
        )

    async def contacts(self, given: Row) -> list[Shown]:
        source = self.source(given)
        if source.account_id is None:
            return []
        text = (
            f"SELECT Id, Name, Email, Title FROM Contact WHERE AccountId = '{source.account_id}' AND Email != null "
            "ORDER BY Name LIMIT 100"
        )
        rows = select(self.org, self.user, text)
        return [{"contactId": r["Id"], "name": r["Name"], "email": r["Email"], "why": r["Title"]} for r in rows]

    def source(self, given: Row) -> SourceRecord:
        return SourceRecord.find(self.org, self.user, given.get("recordId"))

    def label(self, name: str) -> str:
        return label(self.org.world.metadata, f"Stripe_Gateway_{name}")

    def refusal(self, action: str) -> Shown | None:
        if action not in MEMBERS:
            return refused("unknown_action", self.label("Unknown_Action"))
        return None if may(self.org, self.user, action) else refused("not_permitted", self.label("Not_Permitted"))

    def body(self, action: str, source: SourceRecord, options: Any) -> dict[str, Any]:
        given = options if isinstance(options, Mapping) else {}
        body = {name: typed(name, value) for name, value in given.items() if name in MEMBERS[action]}
        billed = self.billed(source, body) if action == "refund-payment" else source
        return body | {"record_id": billed.id, "object": billed.object_name}

    def billed(self, source: SourceRecord, body: Row) -> SourceRecord:
        """Money goes back on the record it was paid for; the button may stand on the account or on a case."""
        named = [name for name in ("payment_intent", "charge", "invoice") if isinstance(body.get(name), str)]
        if not named:
            return source
        kind = "Stripe_Invoice__c" if named[-1] == "invoice" else "Stripe_Payment__c"
        rows = source.children(kind, ["Source_Record_Id__c"], body[named[-1]])
        owner = full_id(str(rows[0]["Source_Record_Id__c"] or "")) if rows else None
        return source if owner in (None, source.id) else SourceRecord.find(self.org, self.user, owner)


def typed(name: str, value: Any) -> Any:
    """JavaScript has one kind of number and no date, and lines are text. What is none of these, the gateway refuses."""
    try:
        if name == "lines" and isinstance(value, str):
            return json.loads(value)
        if name == "days_until_due" and value is not None:
            days = Decimal(str(value))
            return int(days) if days == int(days) else value
        return datetime.date.fromisoformat(str(value)) if name == "due_date" and value else value
    except (InvalidOperation, ValueError, OverflowError):
        return value


def plain(value: Any) -> Any:
    """As Apex serializes it: fractions and days as text, and what is empty left out."""
    if isinstance(value, Mapping):
        return {name: plain(entry) for name, entry in value.items() if entry is not None and entry != ""}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime.date) else value


class ApexRoutes:
    """The controller over HTTP; no login, because it is a sandbox on loopback."""

    def __init__(self, org: Org) -> None:
        self.org = org

    def routes(self) -> list[BaseRoute]:
        return [Route("/apex/StripePaymentsController.{method}", self.call, methods=["POST"])]

    async def call(self, request: Request) -> Response:
        try:
            method = self.method(self.viewer(request), request.path_params["method"])
            value = await method(read_parameters(await request.body()))
        except (AuraError, SalesforceError) as exc:
            return answer({"body": {"message": getattr(exc, "message", str(exc))}}, 400)
        return answer(value)

    def viewer(self, request: Request) -> SandboxUser:
        user = self.org.user(full_id(request.query_params.get("as", "")) or "")
        if user is None or not self.org.is_active(user.id):
            raise AuraError("Nobody of this org is looking: as=<id of an active user>.")
        return user

    def method(self, user: SandboxUser, name: str) -> Callable[[Row], Awaitable[Any]]:
        controller = Controller(self.org, user)
        methods: Mapping[str, Callable[[Row], Awaitable[Any]]] = {
            "overview": controller.overview,
            "preview": controller.preview,
            "run": controller.run,
            "find": controller.find,
            "contacts": controller.contacts,
        }
        if name not in methods:
            raise AuraError(f"StripePaymentsController has no method {name}.")
        return methods[name]


def read_parameters(raw: bytes) -> Row:
    try:
        given = json.loads(raw or b"{}", parse_float=Decimal)
    except ValueError as exc:
        raise AuraError(f"The parameters are not JSON: {exc}") from exc
    if not isinstance(given, dict):
        raise AuraError("The parameters must be a JSON object.")
    return given


def answer(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, default=str, ensure_ascii=False).encode(), status, media_type="application/json")


def default_person(org: Org, people: list[SandboxUser]) -> SandboxUser:
    """Who the card is shown to when nobody is named: somebody who may send invoices."""
    return next((user for user in people if SEND in org.access(user).custom_permissions), people[0])
