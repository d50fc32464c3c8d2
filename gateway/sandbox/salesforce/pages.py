"""Screens for people: a list, a record with its related rows, and the buttons that ask the gateway."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.sandbox.salesforce.apex import Reply, call_gateway
from gateway.sandbox.salesforce.controller import default_person
from gateway.sandbox.salesforce.forms import read_form
from gateway.sandbox.salesforce.identifiers import SHORT, full_id
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.query import show_field
from gateway.sandbox.salesforce.schema import NUMERIC, Field, SObject

TEMPLATES = Path(__file__).with_name("templates")
# Scripts and styles by name; the card itself is what tools/build-lwc makes of the package's Lightning components.
CARD = Path(__file__).with_name("lwc")
STATIC = {
    "style.css": TEMPLATES,
    "card.js": TEMPLATES,
    "stripe-payments.js": CARD,
    "stripe-payments.css": CARD,
}
# Objects on the front page, in this order; custom objects follow.
FRONT = ("Opportunity", "Account", "Contact", "Case", "Order", "Quote")
HIDDEN = frozenset({"Id", "IsDeleted", "SystemModstamp", "CreatedById", "LastModifiedById"})


@dataclass(frozen=True)
class Button:
    """``inputs``: the optional form members of the action."""

    action: str
    label: str
    inputs: tuple[str, ...] = ()


BUTTONS: Mapping[str, tuple[Button, ...]] = {
    "Opportunity": (
        Button("send-invoice", "Send invoice"),
        Button("create-payment-link", "Create payment link"),
        Button("refund-payment", "Refund", ("amount", "reason")),
    ),
    "Account": (Button("create-customer", "Create customer"),),
    "Contact": (Button("create-customer", "Create customer"),),
    "Case": (Button("refund-payment", "Refund", ("amount", "reason")),),
}
BUTTONS = {**BUTTONS, "Order": BUTTONS["Opportunity"], "Quote": BUTTONS["Opportunity"][:2]}


class Pages:
    """The screens over one org; no login, because it is a sandbox on loopback."""

    def __init__(self, org: Org) -> None:
        self.org = org
        loader = FileSystemLoader(TEMPLATES)
        self.templates = Environment(
            loader=loader, autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
        )

    def routes(self) -> list[BaseRoute]:
        view = "/lightning/r/{sobject}/{record_id}"
        return [
            Route("/", self.front, methods=["GET"]),
            Route("/static/{name}", self.static, methods=["GET"]),
            Route(f"{view}/view", self.record, methods=["GET"]),
            Route(f"{view}/action/{{action}}", self.act, methods=["POST"]),
        ]

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            raise HTTPException(404, "No such file.")
        return FileResponse(STATIC[name] / name, headers={"Cache-Control": "no-cache"})

    async def front(self, _: Request) -> Response:
        custom = [name for name, sobject in self.org.schema.objects.items() if sobject.custom]
        names = [name for name in (*FRONT, *custom) if name in self.org.schema.objects]
        lists = [(self.org.schema.objects[name], self.lines(name)) for name in names]
        return self.page("list.html", lists=[entry for entry in lists if entry[1]])

    async def record(self, request: Request) -> Response:
        sobject, record = self.find(request)
        return self.show(sobject, record, None, viewer=full_id(request.query_params.get("as", "")))

    async def act(self, request: Request) -> Response:
        """The click: the gateway is called and its answer shown above the record, or told to a program as JSON."""
        sobject, record = self.find(request)
        form = {name: value.strip() for name, value in (await read_form(request)).items()}
        user_id = full_id(form.pop("user", "")) or self.people()[0].id
        request_key = form.pop("request_key", "") or str(uuid.uuid4())
        body = {
            "record_id": record["Id"],
            "object": sobject.name,
            **{name: value for name, value in form.items() if value},
        }
        # Formula merge fields give $User.Id with 15 characters, Apex gives 18: both must be understood.
        self.org.counts["clicks"] += 1
        subject = user_id[:SHORT] if self.org.counts["clicks"] % 2 else user_id
        action = request.path_params["action"]
        reply = await call_gateway(self.org, action, body, subject=subject, request_key=request_key)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"status": reply.status, "body": dict(reply.body)})
        return self.show(sobject, self.org.store.get(record["Id"]) or record, reply)

    def find(self, request: Request) -> tuple[SObject, Mapping[str, Any]]:
        sobject = self.org.schema.find(request.path_params["sobject"])
        record = self.org.store.get(full_id(request.path_params["record_id"]) or "")
        if sobject is None or record is None or self.org.store.object_of[record["Id"]] != sobject.name:
            raise HTTPException(404, "No such record in this org.")
        return sobject, record

    def show(
        self, sobject: SObject, record: Mapping[str, Any], reply: Reply | None, *, viewer: str | None = None
    ) -> Response:
        people = self.people()
        return self.page(
            "record.html",
            sobject=sobject,
            record=record,
            title=self.title(sobject, record),
            fields=list(self.fields(sobject, record, ours=False)),
            stamp=list(self.fields(sobject, record, ours=True)),
            related=list(self.related(sobject, record)),
            buttons=[(button, str(uuid.uuid4())) for button in BUTTONS.get(sobject.name, ())],
            people=people,
            viewer=next((user for user in people if user.id == viewer), None) or default_person(self.org, people),
            locked=record["Id"] in self.org.locked,
            reply=reply,
        )

    def people(self) -> list[Any]:
        active = [user for user in self.org.world.users if self.org.is_active(user.id)]
        return sorted(active, key=lambda user: bool(user.permission_sets)) or list(self.org.world.users)

    def title(self, sobject: SObject, record: Mapping[str, Any]) -> str:
        named = record.get(sobject.name_field or "")
        return str(named or self.contact_name(sobject, record) or record["Id"])

    def contact_name(self, sobject: SObject, record: Mapping[str, Any]) -> str | None:
        """What a row without a name of its own is known by: the person it is about (a contact role)."""
        people, ours = self.org.schema.objects["Contact"], sobject.fields.get("ContactId")
        person = self.org.store.get(record.get("ContactId") or "") if ours else None
        return self.title(people, person) if person else None

    def lines(self, name: str) -> list[tuple[str, str, str]]:
        sobject = self.org.schema.objects[name]
        return [self.line(sobject, record) for record in self.org.store.all(sobject)]

    def line(self, sobject: SObject, record: Mapping[str, Any]) -> tuple[str, str, str]:
        detail = next((record[name] for name in ("Status__c", "StageName", "Status", "Email") if record.get(name)), "")
        return self.link(record["Id"]), self.title(sobject, record), str(detail)

    def link(self, record_id: str) -> str:
        return f"/lightning/r/{self.org.store.object_of[record_id]}/{record_id}/view"

    def fields(
        self, sobject: SObject, record: Mapping[str, Any], *, ours: bool
    ) -> Iterator[tuple[str, str, str | None]]:
        """(label, text, link) of the fields that hold something."""
        for name, entry in sobject.fields.items():
            if name in HIDDEN or entry.type == "address" or is_stamp(sobject, name) is not ours:
                continue
            value = show_field(self.org, sobject, record, entry)
            if value is None or value is False:
                continue
            yield entry.label, self.text(entry, value), self.target(entry, value)

    def text(self, entry: Field, value: Any) -> str:
        if entry.type == "reference":
            target = self.org.store.get(value)
            return (
                self.title(self.org.schema.objects[self.org.store.object_of[value]], target) if target else str(value)
            )
        if entry.type in NUMERIC:
            return f"{value:,.{entry.scale}f}" if entry.type != "int" else str(value)
        return "Yes" if value is True else str(value)

    def target(self, entry: Field, value: Any) -> str | None:
        if entry.type == "reference":
            return self.link(value) if value in self.org.store.object_of else None
        return str(value) if str(value).startswith(("http://", "https://")) else None

    def related(self, sobject: SObject, record: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
        """Rows of other objects that point at this one; those of the package last and complete."""
        for child in sorted(self.org.schema.objects.values(), key=lambda entry: (entry.custom, entry.name)):
            ids: dict[str, None] = {}
            for entry in child.indexed:
                if entry.type == "reference" and sobject.name in entry.reference_to and sobject.name != "User":
                    ids |= dict.fromkeys(self.org.store.find(child, entry, record["Id"]))
            if ids:
                table = self.org.store.tables[child.name]
                yield child.plural, [self.line(child, table[record_id]) for record_id in ids]

    def page(self, name: str, **values: Any) -> Response:
        return HTMLResponse(self.templates.get_template(name).render(org=self.org.world, **values))


def is_stamp(sobject: SObject, name: str) -> bool:
    """The fields our package adds to an object of somebody else's."""
    return not sobject.custom and name.startswith("Stripe_")
