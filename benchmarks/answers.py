"""What the dummy upstream answers: objects of realistic size (an invoice with three lines is 3 KB on the wire)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

METADATA = Path(__file__).parents[1] / "salesforce_metadata"
FIELD = {part: re.compile(f"<{part}>([^<]*)</{part}>") for part in ("fullName", "type", "length")}
RECORD_ID = re.compile(r"\bId = '(\w{18})'")
# Metadata type -> describe type (the ones our own fields have).
TYPES = {
    "Text": "string", "TextArea": "textarea", "LongTextArea": "textarea", "Number": "double", "Checkbox": "boolean",
    "Date": "date", "DateTime": "datetime", "Email": "email", "Url": "url", "Phone": "phone", "Picklist": "picklist",
    "Lookup": "reference",
}  # fmt: skip

INVOICE = json.loads(Path(__file__).with_name("invoice.json").read_text())
ACCOUNT = {"id": "acct_1BenchMark000000", "object": "account", "livemode": False, "default_currency": "usd"}


class Stripe:
    """Just enough state that an invoice's subtotal is the sum of its lines."""

    def __init__(self) -> None:
        self._count = 0
        self._subtotals: dict[str, int] = defaultdict(int)
        self._metadata: dict[str, dict[str, str]] = {}

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        parts = path.partition("?")[0].strip("/").split("/")[1:]
        if parts[0] == "account":
            return ACCOUNT
        if method == "GET" and len(parts) == 1:
            return {"object": "list", "data": [], "has_more": False, "url": path}
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if parts[0] == "customers":
            return self._customer(form)
        return self._invoice(parts, form)

    def _id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_1Bench{self._count:018d}"

    def _customer(self, form: dict[str, str]) -> dict[str, Any]:
        name = {"email": form.get("email"), "name": form.get("name"), "metadata": _nested(form, "metadata")}
        return {"id": self._id("cus"), "object": "customer", "livemode": False, "created": 1_790_000_000, **name}

    def _invoice(self, parts: list[str], form: dict[str, str]) -> dict[str, Any]:
        name = parts[1] if len(parts) > 1 else self._id("in")
        verb = parts[2] if len(parts) > 2 else ""
        if len(parts) == 1:
            self._metadata[name] = _nested(form, "metadata")
        if verb == "add_lines":
            self._subtotals[name] += _sum(form)
        status = "open" if verb in {"finalize", "send"} else "draft"
        return invoice(name, self._subtotals[name], status, self._metadata.get(name, {}), self._count)


def _nested(form: dict[str, str], member: str) -> dict[str, str]:
    return {key[len(member) + 1 : -1]: value for key, value in form.items() if key.startswith(f"{member}[")}


def _sum(form: dict[str, str]) -> int:
    total = 0
    for key, value in form.items():
        if key.endswith("[unit_amount]"):
            line = key.partition("]")[0]
            total += int(value) * int(form.get(f"{line}][quantity]", "1"))
        elif key.endswith("][amount]"):
            total += int(value)
    return total


def invoice(name: str, subtotal: int, status: str, metadata: dict[str, str], n: int) -> dict[str, Any]:
    sums = ("amount_due", "amount_remaining", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
    shown: dict[str, Any] = (
        INVOICE | dict.fromkeys(sums, subtotal) | {"id": name, "status": status, "metadata": metadata}
    )
    if status != "draft":
        shown |= {
            "number": f"BENCH-{n:06d}",
            "hosted_invoice_url": f"https://invoice.stripe.com/i/acct_1Bench/{name}?s=ap",
            "invoice_pdf": f"https://pay.stripe.com/invoice/acct_1Bench/{name}/pdf?s=ap",
            "status_transitions": INVOICE["status_transitions"] | {"finalized_at": 1_790_000_001},
        }
    return shown


class Salesforce:
    """Takes every write; describes the objects the way ``salesforce_metadata/`` declares them."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._count = 0
        self._fields = _declared()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        path = path.partition("?")[0]
        if path.endswith("/oauth2/token"):
            return 200, {"access_token": "00DBENCH!token", "instance_url": self._base_url, "token_type": "Bearer"}
        if path.endswith("/describe"):
            return 200, self._describe(path.split("/")[-2])
        if path.endswith("/composite/graph"):
            return 200, {"graphs": [self._graph(graph) for graph in json.loads(body)["graphs"]]}
        if path.endswith("/composite/sobjects"):
            records = json.loads(body)["records"]
            return 200, [{"id": record.get("Id"), "success": True, "errors": []} for record in records]
        if path.endswith("/composite"):
            requests = json.loads(body)["compositeRequest"]
            return 200, {"compositeResponse": [self._node(node) for node in requests]}
        if "/query" in path:
            return 200, {"totalSize": 0, "done": True, "records": []}
        return 204, None

    def _graph(self, graph: dict[str, Any]) -> dict[str, Any]:
        nodes = [self._node(node) for node in graph["compositeRequest"]]
        return {"graphId": graph["graphId"], "graphResponse": {"compositeResponse": nodes}, "isSuccessful": True}

    def _node(self, node: dict[str, Any]) -> dict[str, Any]:
        if node["method"] == "GET":
            found = RECORD_ID.search(unquote(node["url"]))
            records = (
                [{"Id": found.group(1), "Name": "Bench Account"}] if found and node["referenceId"] == "record" else []
            )
            body = {"totalSize": len(records), "done": True, "records": records}
            return {"body": body, "httpHeaders": {}, "httpStatusCode": 200, "referenceId": node["referenceId"]}
        self._count += 1
        stamp = "__c/" not in node["url"]
        made = f"a00B{self._count:011d}AAA"
        written = None if stamp else {"id": made, "success": True, "errors": [], "created": False}
        status = 204 if stamp else 200
        return {"body": written, "httpHeaders": {}, "httpStatusCode": status, "referenceId": node["referenceId"]}

    def _describe(self, sobject: str) -> dict[str, Any]:
        return {"name": sobject, "fields": [_described(field) for field in self._fields[sobject]]}


def _declared() -> dict[str, list[dict[str, str]]]:
    objects: dict[str, list[dict[str, str]]] = defaultdict(list)
    for path in METADATA.glob("**/objects/*/fields/*.field-meta.xml"):
        text = path.read_text()
        found = {part: match.group(1) for part, shape in FIELD.items() if (match := shape.search(text))}
        objects[path.parents[1].name].append(found)
    return objects


def _described(field: dict[str, str]) -> dict[str, Any]:
    return {
        "name": field["fullName"],
        "type": TYPES.get(field.get("type", ""), "string"),
        "length": int(field.get("length", "0")),
        "updateable": True,
        "createable": True,
        "custom": True,
        "nillable": True,
        "picklistValues": [],
        "referenceTo": [],
        "relationshipName": None,
    }
