"""Control routes of Stripe's own: what a bank, a payer or a card network would do."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.sandbox.control import PREFIX, flag, json_object, number, only, whole
from gateway.sandbox.stripe import billing, checkout, disputes, payments, refunds
from gateway.sandbox.stripe.checkout import Payer
from gateway.sandbox.stripe.courier import Courier
from gateway.sandbox.stripe.errors import StripeError
from gateway.sandbox.stripe.ledger import Ledger
from gateway.sandbox.stripe.tables import Row
from gateway.sandbox.stripe.world import StripeWorld

Knob = Callable[[dict[str, Any], Request], Row]


class Knobs:
    """Every method reads one JSON body and answers with what it changed."""

    def __init__(self, world: StripeWorld, courier: Courier) -> None:
        self.world = world
        self.courier = courier

    def holder(self, kind: str, identity: str) -> tuple[Ledger, Row]:
        for ledger in self.world.ledgers.values():
            row = ledger.find(kind, identity)
            if row is not None:
                return ledger, row
        raise HTTPException(404, f"no {kind} {identity}")

    def settings(self, body: dict[str, Any], _: Request) -> Row:
        """``lines_per_invoice``, ``lines_per_call``, ``search_lag``, ``auto_finalize_after``."""
        settings = self.world.settings
        only(body, "lines_per_invoice", "lines_per_call", "search_lag", "auto_finalize_after")
        for name in ("lines_per_invoice", "lines_per_call"):
            setattr(settings, name, whole(body, name, getattr(settings, name), least=1, most=10_000))
        for name in ("search_lag", "auto_finalize_after"):
            setattr(settings, name, number(body, name, getattr(settings, name)))
        return dict(vars(settings))

    def rate_limits(self, body: dict[str, Any], _: Request) -> Row:
        limits, names = self.world.limits, ("per_endpoint", "per_account_live", "per_account_test")
        only(body, "on", *names)
        limits.on = flag(body, "on", True)
        for name in names:
            setattr(limits, name, number(body, name, getattr(limits, name), least=0.001))
        limits.buckets.clear()
        return {"on": limits.on, "per_endpoint": limits.per_endpoint}

    def next_refunds(self, body: dict[str, Any], _: Request) -> Row:
        """``{"next": ["pending", "failed"]}``: the states the coming refunds are created in."""
        states = body.get("next", [])
        only(body, "next")
        states = [states] if isinstance(states, str) else states
        if not isinstance(states, list) or any(state not in refunds.STATUSES for state in states):
            raise HTTPException(400, f"a refund is one of {', '.join(refunds.STATUSES)}")
        self.world.settings.next_refunds = list(states)
        return {"next": states}

    def refund(self, body: dict[str, Any], request: Request) -> Row:
        ledger, refund = self.holder("refund", request.path_params["id"])
        return refunds.move(ledger, refund, body["status"], body.get("failure_reason", "lost_or_stolen_card"))

    def dispute(self, body: dict[str, Any], _: Request) -> Row:
        only(body, "charge", "status", "reason", "amount")
        ledger, charge = self.holder("charge", text(body, "charge", ""))
        status = body.get("status", "needs_response")
        if status not in disputes.STATUSES:
            raise HTTPException(400, f"a dispute is one of {', '.join(disputes.STATUSES)}")
        reason, amount = body.get("reason", "fraudulent"), whole(body, "amount", charge["amount"], least=1)
        return disputes.open_dispute(self.world, ledger, charge, amount, reason, status)

    def decide(self, body: dict[str, Any], request: Request) -> Row:
        ledger, dispute = self.holder("dispute", request.path_params["id"])
        return disputes.decide(ledger, dispute, body["status"])

    def pay_invoice(self, body: dict[str, Any], request: Request) -> Row:
        """``{"amount"?, "card"?}``: what the Pay button of the hosted page does."""
        ledger, invoice = self.holder("invoice", request.path_params["id"])
        only(body, "amount", "card")
        amount = whole(body, "amount", invoice["amount_remaining"], least=1)
        return billing.pay_with_card(self.world, ledger, invoice, amount, text(body, "card", "pm_card_visa"))

    def pay_link(self, body: dict[str, Any], request: Request) -> Row:
        """
        ``{"email"?, "name"?, "country"?, "card"?, "reference"?, "debit"?}``: one visit to the checkout page; with
        ``debit`` true it ends complete and unpaid, by a bank debit that stays under way.
        """
        ledger, link = self.holder("payment_link", request.path_params["id"])
        texts = ("email", "name", "country", "card", "reference")
        only(body, *texts, "debit")
        given = {"email": "payer@example.com", "name": "Petra Payer", "country": ledger.country}
        given |= {name: text(body, name, "") for name in texts if name in body}
        payer = Payer(**given, debit=flag(body, "debit", False))
        return checkout.pay(self.world, ledger, link, payer)

    def confirm(self, body: dict[str, Any], request: Request) -> Row:
        ledger, intent = self.holder("payment_intent", request.path_params["id"])
        only(body, "card")
        return payments.confirm(self.world, ledger, intent, text(body, "card", "pm_card_visa"))

    def webhooks(self, body: dict[str, Any], _: Request) -> Row:
        """``{"paused", "duplicate", "reverse"}``; answers with what waits, was given up and was delivered."""
        only(body, "paused", "duplicate", "reverse")
        for name in ("paused", "duplicate", "reverse"):
            setattr(self.courier, name, flag(body, name, getattr(self.courier, name)))
        return {
            "paused": self.courier.paused,
            "duplicate": self.courier.duplicate,
            "reverse": self.courier.reverse,
            "waiting": [delivery.view() for delivery in self.courier.waiting],
            "failed": [delivery.view() for delivery in self.courier.failed],
            "delivered": self.courier.delivered,
        }

    def resend(self, _: dict[str, Any], request: Request) -> Row:
        ledger, event = self.holder("event", request.path_params["id"])
        self.courier.resend(event, ledger)
        return {"event": event["id"]}

    def routes(self) -> list[BaseRoute]:
        return [
            self.route("/settings", self.settings),
            self.route("/rate_limits", self.rate_limits),
            self.route("/refunds", self.next_refunds),
            self.route("/refunds/{id}", self.refund),
            self.route("/disputes", self.dispute),
            self.route("/disputes/{id}", self.decide),
            self.route("/invoices/{id}/pay", self.pay_invoice),
            self.route("/payment_links/{id}/pay", self.pay_link),
            self.route("/payment_intents/{id}/confirm", self.confirm),
            self.route("/webhooks", self.webhooks),
            self.route("/events/{id}/resend", self.resend),
        ]

    @staticmethod
    def route(path: str, knob: Knob) -> Route:
        return Route(f"{PREFIX}{path}", answering(knob), methods=["POST"])


def text(body: dict[str, Any], name: str, default: str) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise HTTPException(400, f"{name} must be a text")
    return value


def answering(knob: Knob) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(knob(await json_object(request), request))
        except StripeError as error:
            return JSONResponse(error.body, status_code=error.status)
        except KeyError as error:
            raise HTTPException(400, f"missing member {error}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise HTTPException(400, f"the body cannot be used: {error}") from error

    return endpoint
