"""What the pages show and what their buttons do."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.sandbox.stripe import billing, checkout, currencies
from gateway.sandbox.stripe.cards import CARDS
from gateway.sandbox.stripe.checkout import Payer
from gateway.sandbox.stripe.errors import StripeError
from gateway.sandbox.stripe.ledger import Ledger
from gateway.sandbox.stripe.pages.pdf import pdf_of
from gateway.sandbox.stripe.tables import Row
from gateway.sandbox.stripe.world import StripeWorld

HERE = Path(__file__).parent
SHOWN = 25
HEADERS = {"content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'"}


def money(amount: int, currency: str) -> str:
    return currencies.shown(amount, currency)


def day(seconds: int | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y") if seconds else "—"


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y, %H:%M:%S UTC")


class Pages:
    """The handlers over one world."""

    def __init__(self, world: StripeWorld) -> None:
        self.world = world
        self.templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True)
        self.templates.filters.update(day=day, moment=moment)
        self.templates.globals.update(money=money, cards=CARDS)

    def show(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        text = self.templates.get_template(template).render(values)
        return HTMLResponse(text, status_code=status, headers=HEADERS)

    def invoice_by(self, token: str) -> tuple[Ledger, Row]:
        for ledger in self.world.ledgers.values():
            invoice = ledger.find("invoice", ledger.tokens.get(token, ""))
            if invoice is not None:
                return ledger, invoice
        raise HTTPException(404, "There is no such invoice.")

    def link_by(self, identity: str) -> tuple[Ledger, Row]:
        for ledger in self.world.ledgers.values():
            link = ledger.find("payment_link", identity)
            if link is not None:
                return ledger, link
        raise HTTPException(404, "There is no such payment link.")

    async def invoice(self, request: Request) -> Response:
        token = request.path_params["token"]
        ledger, invoice = self.invoice_by(token)
        problem = None
        if request.method == "POST":
            try:
                given = await form_of(request)
                amount = minor(given.get("amount", ""), invoice)
                billing.pay_with_card(self.world, ledger, invoice, amount, given.get("card", "pm_card_visa"))
                return RedirectResponse(f"/invoice/{token}", status_code=303)
            except StripeError as error:
                problem = str(error)
                ledger, invoice = self.invoice_by(token)
        lines = [line.row for line in ledger.invoice_lines[invoice["id"]]]
        return self.show(
            "invoice.html",
            402 if problem else 200,
            invoice=invoice,
            lines=lines,
            token=token,
            problem=problem,
            places=currencies.decimals(invoice["currency"]),
        )

    async def pdf(self, request: Request) -> Response:
        ledger, invoice = self.invoice_by(request.path_params["token"])
        lines = [line.row for line in ledger.invoice_lines[invoice["id"]]]
        name = f"Invoice-{invoice['number']}.pdf"
        disposition = {"content-disposition": f'inline; filename="{name}"'}
        return Response(pdf_of(invoice, lines), media_type="application/pdf", headers=disposition)

    async def link(self, request: Request) -> Response:
        ledger, link = self.link_by(request.path_params["id"])
        query = request.query_params
        values = {"email": query.get("prefilled_email", ""), "name": "", "country": ledger.country}
        problem = session = None
        if request.method == "POST":
            values = {**dict.fromkeys(values, ""), **await form_of(request)}
            payer = Payer(
                email=values["email"],
                name=values["name"],
                country=values["country"],
                card=values.get("card", "pm_card_visa"),
                reference=query.get("client_reference_id"),
            )
            try:
                check_payer(values)
                session = checkout.pay(self.world, ledger, link, payer)
                after = link["after_completion"]
                if after["type"] == "redirect":
                    return RedirectResponse(after["redirect"]["url"], status_code=303)
            except StripeError as error:
                problem = str(error)
        return self.show(
            "checkout.html",
            402 if problem else 200,
            link=link,
            items=ledger.link_items[link["id"]],
            account=ledger.name,
            closed=checkout.open_to_pay(link) if session is None else None,
            session=session,
            problem=problem,
            values=values,
            total=sum(item["amount_total"] for item in ledger.link_items[link["id"]]),
        )

    async def mailbox(self, _: Request) -> Response:
        mails = sorted(
            ((mail, ledger) for ledger in self.world.ledgers.values() for mail in ledger.mails),
            key=lambda pair: pair[0].at,
            reverse=True,
        )
        return self.show("mailbox.html", mails=mails[:100], count=len(mails))

    async def dashboard(self, _: Request) -> Response:
        sections = [(title, kind, list(self.latest(kind))) for title, kind in KINDS]
        counts = {kind: sum(len(ledger.table(kind)) for ledger in self.world.ledgers.values()) for _, kind in KINDS}
        return self.show("dashboard.html", sections=sections, counts=counts)

    def latest(self, kind: str) -> Iterator[Row]:
        rows = [
            row
            for ledger in self.world.ledgers.values()
            for row, _ in zip(
                ledger.table(kind).newest({}, older_than=None, newer_than=None), range(SHOWN), strict=False
            )
        ]
        yield from sorted(rows, key=lambda row: row.get("created", 0), reverse=True)[:SHOWN]

    async def style(self, _: Request) -> Response:
        return Response((HERE / "style.css").read_bytes(), media_type="text/css")

    async def home(self, _: Request) -> Response:
        return RedirectResponse("/dashboard")


KINDS = (
    ("Invoices", "invoice"),
    ("Payment links", "payment_link"),
    ("Checkout sessions", "checkout.session"),
    ("Charges", "charge"),
    ("Refunds", "refund"),
    ("Disputes", "dispute"),
    ("Customers", "customer"),
    ("Events", "event"),
)


async def form_of(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}


def check_payer(values: dict[str, str]) -> None:
    """What the form marks as required, and browsers would not send empty."""
    for name, label in (("email", "e-mail address"), ("name", "name"), ("country", "country")):
        if not values[name].strip():
            raise StripeError(400, f"Fill in your {label}.")
    if "@" not in values["email"].strip("@"):
        raise StripeError(400, "The e-mail address is not one.")


def minor(text: str, invoice: Row) -> int:
    """A decimal typed by a person, in minor units; empty means all that is left."""
    if not text.strip():
        return int(invoice["amount_remaining"])
    try:
        amount = Decimal(text.strip().replace(",", "."))
    except InvalidOperation as exc:
        raise StripeError(400, f"“{text}” is not an amount.") from exc
    scaled = amount.scaleb(currencies.decimals(invoice["currency"]))
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise StripeError(400, f"“{text}” has too many decimals for {invoice['currency'].upper()}.")
    if scaled <= 0:
        raise StripeError(400, f"“{text}” is not above 0.")
    return int(scaled)


def page_routes(world: StripeWorld) -> list[BaseRoute]:
    pages = Pages(world)
    return [
        Route("/", pages.home),
        Route("/dashboard", pages.dashboard),
        Route("/mailbox", pages.mailbox),
        Route("/invoice/{token}", pages.invoice, methods=["GET", "POST"]),
        Route("/invoice/{token}/pdf", pages.pdf),
        Route("/pay/{id}", pages.link, methods=["GET", "POST"]),
        Route("/style.css", pages.style),
    ]
