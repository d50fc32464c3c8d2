"""Refunds and the states they go through; ``charge.amount_refunded`` is always kept right."""

from functools import partial
from typing import TYPE_CHECKING

from gateway.sandbox.stripe import currencies, disputes, payments
from gateway.sandbox.stripe.cards import CARDS
from gateway.sandbox.stripe.errors import refused
from gateway.sandbox.stripe.ledger import Ledger, merge_metadata, new_id
from gateway.sandbox.stripe.tables import Row

if TYPE_CHECKING:
    from gateway.sandbox.stripe.world import StripeWorld

STATUSES = ("pending", "requires_action", "succeeded", "failed", "canceled")
# From -> to: a refund may fail even after it succeeded (docs.stripe.com/refunds#failed-refunds).
MOVES = {
    "pending": ("succeeded", "failed", "canceled", "requires_action"),
    "requires_action": ("pending", "succeeded", "failed", "canceled"),
    "succeeded": ("failed",),
    "failed": (),
    "canceled": (),
}
COUNTED = ("pending", "requires_action", "succeeded")
LATER = 60.0


def charge_of(ledger: Ledger, params: Row) -> Row:
    if ("charge" in params) == ("payment_intent" in params):
        raise refused("One of the following params should be provided for this request: payment_intent or charge.")
    if "charge" in params:
        return ledger.named("charge", params["charge"], "charge")
    intent = ledger.named("payment_intent", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise refused(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", "payment_intent"
        )
    return ledger.get("charge", intent["latest_charge"])


def refundable(ledger: Ledger, charge: Row, wanted: int | None) -> int:
    """The amount to refund. Raises StripeError when nothing, too little or a disputed charge is left."""
    if charge["status"] != "succeeded":
        raise refused(
            f"Charge {charge['id']} was not successful and cannot be refunded.", "charge", "charge_not_refundable"
        )
    if disputes.blocking(ledger, charge["id"]):
        raise refused(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge", "charge_disputed"
        )
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left <= 0:
        raise refused(f"Charge {charge['id']} has already been refunded.", "charge", "charge_already_refunded")
    amount = left if wanted is None else wanted
    if amount > left:
        money = charge["currency"]
        raise refused(
            f"Refund amount ({currencies.shown(amount, money)}) is greater than unrefunded amount on charge "
            f"({currencies.shown(left, money)})",
            "amount",
        )
    return amount


def create(world: "StripeWorld", ledger: Ledger, params: Row) -> Row:
    charge = charge_of(ledger, params)
    amount = refundable(ledger, charge, params.get("amount"))
    path = planned(world, charge)
    refund = ledger.add(
        {
            "id": new_id("re"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": ledger.time(),
            "currency": charge["currency"],
            "customer": charge["customer"],
            "customer_account": None,
            "destination_details": {
                "card": {
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "metadata": merge_metadata({}, params.get("metadata") or {}),
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "reason": params.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": path[0],
            "transfer_reversal": None,
            **({"instructions_email": params["instructions_email"]} if "instructions_email" in params else {}),
            **details(path[0]),
        }
    )
    if path[0] in COUNTED:
        book = payments.transaction(ledger, refund["id"], "refund", -amount, charge["currency"])
        refund = ledger.change(refund, balance_transaction=book["id"])
        count(ledger, charge["id"], amount, "charge.refunded")
    ledger.event("refund.created", refund)
    for status in path[1:]:
        world.later(LATER, partial(move_on, ledger, refund["id"], status))
    return ledger.get("refund", refund["id"])


def planned(world: "StripeWorld", charge: Row) -> tuple[str, ...]:
    """A control call decides first, then the test card that was charged."""
    if world.settings.next_refunds:
        return (world.settings.next_refunds.pop(0),)
    last4 = charge["payment_method_details"]["card"]["last4"]
    return next((card.refund for card in CARDS.values() if card.last4 == last4), ("succeeded",))


def details(status: str, failure: str = "lost_or_stolen_card") -> Row:
    """Members that exist only in some states."""
    if status == "pending":
        return {"pending_reason": "processing"}
    if status == "failed":
        return {"failure_reason": failure}
    if status == "requires_action":
        mail = {"email_sent_at": 0, "email_sent_to": ""}
        return {"next_action": {"type": "display_details", "display_details": {"email_sent": mail, "expires_at": 0}}}
    return {}


def count(ledger: Ledger, charge_id: str, amount: int, event: str | None) -> None:
    charge = ledger.get("charge", charge_id)
    refunded = charge["amount_refunded"] + amount
    ledger.change(charge, event, amount_refunded=refunded, refunded=refunded >= charge["amount_captured"])


def move_on(ledger: Ledger, identity: str, status: str) -> None:
    refund = ledger.get("refund", identity)
    if status in MOVES[refund["status"]]:
        move(ledger, refund, status)


def move(ledger: Ledger, refund: Row, status: str, failure: str = "lost_or_stolen_card") -> Row:
    """A later change of state; money that could not be returned is no longer counted as refunded."""
    if status not in MOVES[refund["status"]]:
        raise refused(f"A refund cannot go from {refund['status']} to {status}.")
    kept = {name: value for name, value in refund.items() if name not in ("pending_reason", "next_action")}
    changed = {**kept, "status": status, **details(status, failure)}
    if status in ("failed", "canceled"):
        back = payments.transaction(ledger, refund["id"], "refund_failure", refund["amount"], refund["currency"])
        changed["failure_balance_transaction"] = back["id"]
        count(ledger, refund["charge"], -refund["amount"], None)
    ledger.table("refund").replace(changed)
    ledger.updated_at[refund["id"]] = ledger.now()
    ledger.event("refund.updated", changed, previous=refund)
    if status == "failed":
        ledger.event("refund.failed", changed)
    return changed
