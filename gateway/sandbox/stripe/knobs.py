"""Control routes of Stripe's own: what a bank, a payer or a card network would do."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.sandbox.control import PREFIX, json_object
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
        for name, value in body.items():
            if not hasattr(self.world.settings, name):
                raise HTTPException(400, f"unknown setting {name}")
            setattr(self.world.settings, name, value)
        return dict(vars(self.world.settings))

    def rate_limits(self, body: dict[str, Any], _: Request) -> Row:
        limits = self.world.limits
        limits.on = bool(body.get("on", True))
        for name in ("per_endpoint", "per_account_live", "per_account_test"):
            setattr(limits, name, float(body.get(name, getattr(limits, name))))
        limits.buckets.clear()
        return {"on": limits.on, "per_endpoint": limits.per_endpoint}

    def next_refunds(self, body: dict[str, Any], _: Request) -> Row:
        """``{"next": ["pending", "failed"]}``: the states the coming refunds are created in."""
        states = body.get("next", [])
        states = [states] if isinstance(states, str) else states
        if any(state not in refunds.STATUSES for state in states):
            raise HTTPException(400, f"a refund is one of {', '.join(refunds.STATUSES)}")
        self.world.settings.next_refunds = list(states)
        return {"next": states}

    def refund(self, body: dict[str, Any], request: Request) -> Row:
        ledger, refund = self.holder("refund", request.path_params["id"])
        return refunds.move(ledger, refund, body["status"], body.get("failure_reason", "lost_or_stolen_card"))

    def dispute(self, body: dict[str, Any], _: Request) -> Row:
        ledger, charge = self.holder("charge", body["charge"])
        status = body.get("status", "needs_response")
        if status not in disputes.STATUSES:
            raise HTTPException(400, f"a dispute is one of {', '.join(disputes.STATUSES)}")
        reason, amount = body.get("reason", "fraudulent"), int(body.get("amount") or charge["amount"])
        return disputes.open_dispute(self.world, ledger, charge, amount, reason, status)

    def decide(self, body: dict[str, Any], request: Request) -> Row:
        ledger, dispute = self.holder("dispute", request.path_params["id"])
        return disputes.decide(ledger, dispute, body["status"])

    def pay_invoice(self, body: dict[str, Any], request: Request) -> Row:
        """``{"amount"?, "card"?}``: what the Pay button of the hosted page does."""
        ledger, invoice = self.holder("invoice", request.path_params["id"])
        amount = int(body.get("amount") or invoice["amount_remaining"])
        return billing.pay_with_card(self.world, ledger, invoice, amount, body.get("card", "pm_card_visa"))

    def pay_link(self, body: dict[str, Any], request: Request) -> Row:
        """``{"email"?, "name"?, "country"?, "card"?, "reference"?}``: one visit to the checkout page."""
        ledger, link = self.holder("payment_link", request.path_params["id"])
        payer = Payer(**{"email": "payer@example.com", "name": "Petra Payer", "country": ledger.country, **body})
        return checkout.pay(self.world, ledger, link, payer)

    def confirm(self, body: dict[str, Any], request: Request) -> Row:
        ledger, intent = self.holder("payment_intent", request.path_params["id"])
        return payments.confirm(self.world, ledger, intent, body.get("card", "pm_card_visa"))

    def webhooks(self, body: dict[str, Any], _: Request) -> Row:
        """``{"paused", "duplicate", "reverse"}``; answers with what waits, was given up and was delivered."""
        for name in ("paused", "duplicate", "reverse"):
            setattr(self.courier, name, bool(body.get(name, getattr(self.courier, name))))
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


def answering(knob: Knob) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(knob(await json_object(request), request))
        except StripeError as error:
            return JSONResponse(error.body, status_code=error.status)
        except KeyError as error:
            raise HTTPException(400, f"missing member {error}") from error
        except TypeError as error:
            raise HTTPException(400, str(error)) from error

    return endpoint
