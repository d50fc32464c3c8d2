"""Disputes: opened by a control call or a test card, decided by a control call."""

from typing import TYPE_CHECKING

from gateway.sandbox.stripe import payments
from gateway.sandbox.stripe.errors import refused
from gateway.sandbox.stripe.ledger import Ledger, new_id
from gateway.sandbox.stripe.tables import Row

if TYPE_CHECKING:
    from gateway.sandbox.stripe.world import StripeWorld

STATUSES = (
    "warning_needs_response", "warning_under_review", "warning_closed", "needs_response", "under_review", "won", "lost",
    "prevented",
)  # fmt: skip
CLOSED = ("warning_closed", "won", "lost", "prevented")
FEE = 1500
RESPONSE_TIME = 10 * 24 * 3600
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip",
    "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure", "refund_refusal_explanation",
    "service_date", "service_documentation", "shipping_address", "shipping_carrier", "shipping_date",
    "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def open_dispute(world: "StripeWorld", ledger: Ledger, charge: Row, amount: int, reason: str, status: str) -> Row:
    """An inquiry (``warning_…``) takes no money; a chargeback withdraws it with a fee at once."""
    inquiry = status.startswith("warning_")
    identity = new_id("du")
    now = ledger.time()
    taken = (
        [] if inquiry else [payments.transaction(ledger, identity, "adjustment", -amount, charge["currency"], fee=FEE)]
    )
    dispute = ledger.add(
        {
            "id": identity,
            "object": "dispute",
            "amount": amount,
            "balance_transactions": taken,
            "charge": charge["id"],
            "created": now,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
            "evidence_details": {
                "due_by": now + RESPONSE_TIME,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "intended_submission_method": None,
            "is_charge_refundable": inquiry,
            "livemode": ledger.livemode,
            "metadata": {},
            "network_reason_code": None,
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {
                "type": "card",
                "card": {
                    "brand": "visa",
                    "case_type": "inquiry" if inquiry else "chargeback",
                    "network_reason_code": None,
                },
            },
            "reason": reason,
            "status": status,
        },
    )
    ledger.change(ledger.get("charge", charge["id"]), "charge.updated", disputed=True)
    ledger.event("charge.dispute.created", dispute)
    if taken:
        ledger.event("charge.dispute.funds_withdrawn", dispute)
    return dispute


def decide(ledger: Ledger, dispute: Row, status: str) -> Row:
    if dispute["status"] in CLOSED:
        raise refused(f"This dispute is already closed ({dispute['status']}).")
    changed = ledger.change(dispute, "charge.dispute.updated", status=status)
    if status == "won" and dispute["balance_transactions"]:
        back = payments.transaction(ledger, dispute["id"], "adjustment", dispute["amount"], dispute["currency"])
        changed = ledger.change(changed, balance_transactions=[*dispute["balance_transactions"], back])
        ledger.event("charge.dispute.funds_reinstated", changed)
    if status in CLOSED:
        ledger.event("charge.dispute.closed", changed)
    return changed


def blocking(ledger: Ledger, charge: str) -> Row | None:
    """A dispute that forbids refunds of its charge."""
    rows = ledger.table("dispute").where(charge=charge)
    return next((row for row in rows if not row["is_charge_refundable"] and row["status"] != "won"), None)
