"""The events a webhook endpoint can name: those of docs.stripe.com/api/events/types that this project meets."""

EVENT_TYPES = (
    "charge.captured", "charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn", "charge.dispute.updated", "charge.expired", "charge.failed", "charge.pending",
    "charge.refund.updated", "charge.refunded", "charge.succeeded", "charge.updated",
    "checkout.session.async_payment_failed", "checkout.session.async_payment_succeeded", "checkout.session.completed",
    "checkout.session.expired", "coupon.created", "coupon.deleted", "coupon.updated", "credit_note.created",
    "credit_note.updated", "credit_note.voided", "customer.created", "customer.deleted", "customer.tax_id.created",
    "customer.tax_id.deleted", "customer.tax_id.updated", "customer.updated", "invoice.created", "invoice.deleted",
    "invoice.finalization_failed", "invoice.finalized", "invoice.marked_uncollectible", "invoice.overdue",
    "invoice.overpaid", "invoice.paid", "invoice.payment_action_required", "invoice.payment_failed",
    "invoice.payment_succeeded", "invoice.sent", "invoice.upcoming", "invoice.updated", "invoice.voided",
    "invoice.will_be_due", "invoice_payment.paid", "payment_intent.amount_capturable_updated",
    "payment_intent.canceled", "payment_intent.created", "payment_intent.partially_funded",
    "payment_intent.payment_failed", "payment_intent.processing", "payment_intent.requires_action",
    "payment_intent.succeeded", "payment_link.created", "payment_link.updated", "payout.canceled", "payout.created",
    "payout.failed", "payout.paid", "payout.reconciliation_completed", "payout.updated", "price.created",
    "price.deleted", "price.updated", "product.created", "product.deleted", "product.updated", "refund.created",
    "refund.failed", "refund.updated", "tax_rate.created", "tax_rate.updated",
)  # fmt: skip
