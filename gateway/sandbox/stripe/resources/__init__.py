"""One file per family of Stripe objects; each lists its endpoints."""

from gateway.sandbox.stripe.resources import (
    customers,
    invoice_changes,
    invoice_lines,
    invoices,
    products,
    tax_ids,
    tax_rates,
)
from gateway.sandbox.stripe.routes import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *customers.ENDPOINTS,
    *tax_ids.ENDPOINTS,
    *products.ENDPOINTS,
    *tax_rates.ENDPOINTS,
    *invoices.ENDPOINTS,
    *invoice_lines.ENDPOINTS,
    *invoice_changes.ENDPOINTS,
)
