"""``/search`` of the kinds that have one; pages are numbered by an opaque token."""

import base64

from gateway.sandbox.stripe.errors import invalid
from gateway.sandbox.stripe.params import Text, Whole, accepts
from gateway.sandbox.stripe.routes import Call, Endpoint, Handler, get
from gateway.sandbox.stripe.search import parse
from gateway.sandbox.stripe.tables import Row

SEARCH = accepts({"query!": Text(), "limit": Whole(min=1, max=100), "page": Text()})
SEARCHED = (
    ("customer", "/v1/customers", "customer"),
    ("invoice", "/v1/invoices", "invoice"),
    ("charge", "/v1/charges", "charge"),
    ("payment_intent", "/v1/payment_intents", "payment_intent"),
)


def offset_of(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()).decode())
    except ValueError as exc:
        raise invalid("Invalid page token.", "page") from exc


def searching(kind: str, url: str) -> Handler:
    def search(call: Call) -> Row:
        query = parse(kind, call.params["query"])
        indexed_until = call.ledger.now() - call.world.settings.search_lag
        rows = call.ledger.table(kind).newest({}, older_than=None, newer_than=None)
        found = [row for row in rows if call.ledger.updated_at[row["id"]] <= indexed_until and query.holds(row)]
        first, limit = offset_of(call.params.get("page")), call.params.get("limit", 10)
        more = len(found) > first + limit
        token = base64.urlsafe_b64encode(str(first + limit).encode()).decode()
        return {
            "object": "search_result",
            "data": found[first : first + limit],
            "has_more": more,
            "next_page": token if more else None,
            "url": f"{url}/search",
        }

    return search


def endpoint(kind: str, url: str, scope: str) -> Endpoint:
    return get(f"{url}/search", searching(kind, url), SEARCH, scope, f"list:{kind}")


ENDPOINTS = tuple(endpoint(kind, url, scope) for kind, url, scope in SEARCHED)
