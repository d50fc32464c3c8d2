"""One file per family of Stripe objects; each lists its endpoints."""

from gateway.sandbox.stripe.resources import (
    accounts,
    checkout_sessions,
    customers,
    events,
    invoice_changes,
    invoice_lines,
    invoice_preview,
    invoices,
    payment_links,
    payments,
    products,
    refunds,
    searches,
    tax_ids,
    tax_rates,
)
from gateway.sandbox.stripe.routes import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *accounts.ENDPOINTS,
    *customers.ENDPOINTS,
    *tax_ids.ENDPOINTS,
    *products.ENDPOINTS,
    *tax_rates.ENDPOINTS,
    *invoices.ENDPOINTS,
    *invoice_lines.ENDPOINTS,
    *invoice_changes.ENDPOINTS,
    *invoice_preview.ENDPOINTS,
    *payments.ENDPOINTS,
    *refunds.ENDPOINTS,
    *payment_links.ENDPOINTS,
    *checkout_sessions.ENDPOINTS,
    *events.ENDPOINTS,
    *searches.ENDPOINTS,
)
