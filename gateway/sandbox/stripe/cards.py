"""Stripe's test payment methods and what each makes happen (docs.stripe.com/testing)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TestCard:
    """``refund``: the states a refund on it goes through, the second one minute later."""

    label: str
    last4: str
    brand: str = "visa"
    decline: str | None = None
    refund: tuple[str, ...] = ("succeeded",)
    disputed: bool = False


CARDS: dict[str, TestCard] = {
    "pm_card_visa": TestCard("Visa — payment succeeds", "4242"),
    "pm_card_mastercard": TestCard("Mastercard — payment succeeds", "4444", "mastercard"),
    "pm_card_visa_chargeDeclined": TestCard("Visa — declined", "0002", decline="generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": TestCard(
        "Visa — declined, insufficient funds", "9995", decline="insufficient_funds"
    ),
    "pm_card_pendingRefund": TestCard(
        "Visa — refunds stay pending for a minute", "7726", refund=("pending", "succeeded")
    ),
    "pm_card_refundFail": TestCard("Visa — refunds fail after a minute", "5126", refund=("succeeded", "failed")),
    "pm_card_createDispute": TestCard("Visa — the payment is disputed at once", "0259", disputed=True),
}
DECLINES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
}
