"""Events and webhook endpoints (docs.stripe.com/api/events, /api/webhook_endpoints)."""

import secrets
from typing import Any

from gateway.sandbox.stripe.errors import invalid
from gateway.sandbox.stripe.event_types import EVENT_TYPES
from gateway.sandbox.stripe.ledger import API_VERSION, Ledger, merge_metadata, new_id
from gateway.sandbox.stripe.listing import page
from gateway.sandbox.stripe.params import NO_PARAMS, Choice, Flag, Items, Metadata, Pattern, Text, accepts, lists
from gateway.sandbox.stripe.resources.shapes import picked
from gateway.sandbox.stripe.routes import Call, delete, get, post
from gateway.sandbox.stripe.tables import Row

URL = "/v1/webhook_endpoints"
KEPT = 30 * 24 * 3600
NAMES = Items(Choice(("*", *EVENT_TYPES)), max=500)
ADDRESS = Pattern(r"https?://[^\s]+", "URL")
ENDPOINT: dict[str, Any] = {"description": Text(clear=True), "metadata": Metadata(), "url": ADDRESS}
CREATE = accepts(
    {
        **ENDPOINT,
        "url!": ADDRESS,
        "enabled_events!": NAMES,
        "api_version": Choice((API_VERSION,)),
        "connect": Flag(),
    }
)
UPDATE = accepts({**ENDPOINT, "enabled_events": NAMES, "disabled": Flag()})
FILTERS: dict[str, Any] = {"type": Text(), "types": Items(Text(), max=20), "delivery_success": Flag()}


def list_events(call: Call) -> Row:
    params = call.params
    if "type" in params and "types" in params:
        raise invalid("You may only specify one of these parameters: type, types.", "types")
    names = [params["type"]] if "type" in params else params.get("types")
    oldest = call.ledger.time() - KEPT
    delivered = params.get("delivery_success")

    def keep(event: Row) -> bool:
        return (
            event["created"] >= oldest
            and (names is None or any(matches(event["type"], name) for name in names))
            and (delivered is None or (event["pending_webhooks"] == 0) is delivered)
        )

    return page(call, "event", "/v1/events", keep=keep)


def matches(kind: str, wanted: str) -> bool:
    """A filter may end in a star: ``invoice.*``."""
    return kind == wanted or wanted == "*" or (wanted.endswith(".*") and kind.startswith(wanted[:-1]))


def new_endpoint(ledger: Ledger, params: Row) -> Row:
    """``secret`` is shown once, in the answer to the creation."""
    return {
        "id": params.get("id") or new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": ledger.time(),
        "description": params.get("description"),
        "enabled_events": params["enabled_events"],
        "livemode": ledger.livemode,
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "status": "enabled",
        "url": params["url"],
    }


def register(ledger: Ledger, params: Row) -> Row:
    endpoint = ledger.add(new_endpoint(ledger, params))
    ledger.webhook_secrets[endpoint["id"]] = params.get("secret") or f"whsec_{secrets.token_hex(16)}"
    if params.get("connect"):
        ledger.connect_endpoints.add(endpoint["id"])
    return endpoint


def create(call: Call) -> Row:
    endpoint = register(call.ledger, call.params)
    return {**endpoint, "secret": call.ledger.webhook_secrets[endpoint["id"]]}


def update(call: Call) -> Row:
    endpoint = call.ledger.get("webhook_endpoint", call.id)
    fields = picked(call.params, ("description", "enabled_events", "url"))
    if "disabled" in call.params:
        fields["status"] = "disabled" if call.params["disabled"] else "enabled"
    if "metadata" in call.params:
        fields["metadata"] = merge_metadata(endpoint["metadata"], call.params["metadata"])
    return call.ledger.change(endpoint, **fields)


def remove(call: Call) -> Row:
    return call.ledger.remove(call.ledger.get("webhook_endpoint", call.id), None)


ENDPOINTS = (
    get("/v1/events", list_events, lists(FILTERS), "event", "list:event"),
    get("/v1/events/{}", lambda call: call.ledger.get("event", call.id), accepts({}), "event", "event"),
    post(URL, create, CREATE, "webhook", "webhook_endpoint"),
    get(
        URL,
        lambda call: page(call, "webhook_endpoint", URL),
        lists(created=False),
        "webhook",
        "list:webhook_endpoint",
    ),
    get(
        f"{URL}/{{}}",
        lambda call: call.ledger.get("webhook_endpoint", call.id),
        accepts({}),
        "webhook",
        "webhook_endpoint",
    ),
    post(f"{URL}/{{}}", update, UPDATE, "webhook", "webhook_endpoint"),
    delete(f"{URL}/{{}}", remove, NO_PARAMS, "webhook", "webhook_endpoint"),
)
