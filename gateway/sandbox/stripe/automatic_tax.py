"""Automatic tax with a table instead of a tax engine: one standard rate per country, per state in the US and Canada."""

from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.stripe.ledger import Ledger
from gateway.sandbox.stripe.resources.tax_rates import new_rate
from gateway.sandbox.stripe.tables import Row

RATES: dict[str, str] = {
    "AT": "20", "AU": "10", "BE": "21", "CH": "8.1", "CZ": "21", "DE": "19", "DK": "25", "ES": "21", "FI": "25.5",
    "FR": "20", "GB": "20", "IE": "23", "IT": "22", "JP": "10", "LU": "17", "NL": "21", "NO": "25", "NZ": "15",
    "PL": "23", "PT": "23", "SE": "25", "SG": "9", "US-CA": "7.25", "US-FL": "6", "US-IL": "6.25", "US-NY": "4",
    "US-TX": "6.25", "US-WA": "6.5", "CA-ON": "13", "CA-QC": "5", "CA-BC": "5",
}  # fmt: skip
BY_STATE = {"US": "sales_tax", "CA": "gst"}
REASONS = {"reverse": "reverse_charge", "exempt": "customer_exempt", "none": "standard_rated"}


@dataclass(frozen=True)
class Decision:
    """``status`` as in ``invoice.automatic_tax.status``; ``rate`` None: no tax is collected at that place."""

    status: str
    rate: str | None = None
    reason: str = "standard_rated"


def decide(ledger: Ledger, customer: Row) -> Decision:
    """Where the customer is decides; the shipping address comes before the billing address (docs.stripe.com/tax)."""
    address = (customer.get("shipping") or {}).get("address") or customer.get("address") or {}
    country = address.get("country")
    place = f"{country}-{address.get('state')}" if country in BY_STATE else country
    if not country or (country in BY_STATE and not (address.get("state") or address.get("postal_code"))):
        return Decision("requires_location_inputs")
    reason = REASONS[customer.get("tax_exempt") or "none"]
    if place not in RATES:
        return Decision("complete", None, "not_collecting")
    return Decision("complete", rate_at(ledger, place, country), reason)


def rate_at(ledger: Ledger, place: str, country: str) -> str:
    identity = f"txr_auto{place.replace('-', '')}"
    if ledger.find("tax_rate", identity) is None:
        params = {
            "display_name": "VAT" if country not in BY_STATE else "Sales tax",
            "inclusive": False,
            "percentage": Decimal(RATES[place]),
            "country": country,
            "state": place.partition("-")[2] or None,
            "active": False,
            "tax_type": BY_STATE.get(country, "vat"),
        }
        ledger.add(new_rate(ledger, params, identity))
    return identity
