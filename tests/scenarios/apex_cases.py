"""
The callouts of the Apex classes, as the committed fixtures have them, and what must be true before each one.

A fixture speaks of ``{OPPORTUNITY}`` and the like: an org gives its own ids, and so does each run of the sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.sandbox.identity import AUTOMATION, REP
from tests.scenarios.lab import Lab

FOLDER = Path(__file__).parents[2] / "salesforce_metadata" / "tests" / "fixtures"
INVOICE = {"record_id": "{OPPORTUNITY}", "object": "Opportunity"}
Callout = Callable[..., dict[str, Any]]  # (action, body, key) → the answer's body


@dataclass(frozen=True)
class Case:
    """
    ``before`` prepares the world and may return further placeholders; ``patience`` replaces the eight seconds;
    ``varies`` are members whose value is a matter of which call met the fault first.
    """

    before: Callable[[Lab, Callout], dict[str, str] | None] = lambda lab, act: None
    sub: str = REP
    trusted: bool = True
    patience: str | None = None
    varies: frozenset[str] = frozenset()


def fixture(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def names() -> list[str]:
    return sorted(path.name.removesuffix(".json") for path in FOLDER.glob("*.json"))


def filled(value: Any, places: dict[str, str]) -> Any:
    """The fixture's value with every placeholder filled."""
    if isinstance(value, dict):
        return {name: filled(member, places) for name, member in value.items()}
    if isinstance(value, list):
        return [filled(item, places) for item in value]
    for name, text in places.items():
        value = value.replace(f"{{{name}}}", text) if isinstance(value, str) else value
    return value


def places(lab: Lab) -> dict[str, str]:
    """What the placeholders stand for in this run."""
    account = lab.account
    contact = next(row for row in lab.records("Contact") if row["Email"] == "accounts@harborcycles.example")
    primary = next(row for row in lab.records("Contact") if row["Email"] == "ada.okafor@harborcycles.example")
    line = next(row for row in lab.records("OpportunityLineItem") if row["OpportunityId"] == lab.fleet)
    return {"OPPORTUNITY": lab.fleet, "ACCOUNT": account, "CONTACT": contact["Id"], "CONTACT_2": primary["Id"],
            "LINE": line["Id"], "KEY": "5f0f1d4e-2b55-4a53-9d0a-6f6f0c6a4b11"}  # fmt: skip


def open_invoice(lab: Lab, act: Callout) -> None:
    act("send-invoice", INVOICE, key="first")


def sent_under_the_key(lab: Lab, act: Callout) -> None:
    act("send-invoice", INVOICE, key=places(lab)["KEY"])


def paid_invoice(lab: Lab, act: Callout) -> dict[str, str]:
    act("send-invoice", INVOICE, key="first")
    lab.pay(lab.objects("invoice")[0])
    return {"PAYMENT": lab.objects("payment_intent")[0]["id"]}


def previewed(lab: Lab, act: Callout) -> dict[str, str]:
    return {"TOKEN": act("send-invoice/preview", INVOICE, key=places(lab)["KEY"])["preview_token"]}


def previewed_before_an_edit(lab: Lab, act: Callout) -> dict[str, str]:
    token = act("send-invoice/preview", {**INVOICE, "portion_percent": "50"}, key=places(lab)["KEY"])["preview_token"]
    return {"TOKEN": token}


def salesforce_is_away(lab: Lab, act: Callout) -> None:
    for method in ("GET", "POST"):
        lab.fault("salesforce", "http_503", "*", method=method, times=-1)


# Fixture → what must be true before.
CASES = {
    "StripeGatewayClient.act_succeeded": Case(),
    "StripeGatewayClient.act_running": Case(patience="wait=0"),
    "StripeGatewayClient.act_refused": Case(open_invoice),
    "StripeGatewayClient.act_repeated": Case(sent_under_the_key),
    "StripeGatewayClient.act_invalid": Case(),
    "StripeGatewayClient.act_forbidden": Case(paid_invoice, sub=AUTOMATION),
    "StripeGatewayClient.act_unauthenticated": Case(trusted=False),
    "StripeGatewayClient.find_succeeded": Case(sent_under_the_key),
    "StripeGatewayClient.find_unknown": Case(),
    "StripeGatewayPreview.send_invoice": Case(),
    "StripeGatewayPreview.create_payment_link": Case(),
    "StripeGatewayPreview.create_customer": Case(),
    "StripeGatewayPreview.refund_payment": Case(paid_invoice),
    "StripeGatewayPreview.refused": Case(),
    "StripeGatewayPreview.unavailable": Case(
        salesforce_is_away, varies=frozenset({"error_code", "type", "detail", "retry_after_seconds"})
    ),
    "StripeOutboxJob.pulled": Case(),
    "StripePaymentsController.run": Case(previewed),
    "StripePaymentsController.stale": Case(previewed_before_an_edit),
    "StripeSendInvoiceAction.waited": Case(),
    "StripeCreateCustomerAction.waited": Case(),
    "StripePaymentLinkAction.waited": Case(),
    "StripeRefundAction.waited": Case(paid_invoice),
}
