"""What both floors share: the token check, the parameters, the Salesforce write, the server."""

from __future__ import annotations

import os
from typing import Any

import jwt
import requests
import uvicorn
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce as Client
from starlette.applications import Starlette

Body = dict[str, Any]


class Check:
    """RS256 by PyJWT, the key parsed once."""

    def __init__(self, public_key_file: str) -> None:
        with open(public_key_file, "rb") as file:  # noqa: PTH123 - one line at start
            self._key = load_pem_public_key(file.read())

    def __call__(self, authorization: str) -> dict[str, Any] | None:
        try:
            return jwt.decode(
                authorization.removeprefix("Bearer "),
                self._key,  # type: ignore[arg-type]  # loaded as any public key, used as RSA
                algorithms=["RS256"],
                audience="stripe-gateway",
                options={"require": ["iss", "sub", "exp"]},
            )
        except jwt.PyJWTError:
            return None


class Salesforce:
    """One simple-salesforce client on a pooled session, pointed at the dummy."""

    def __init__(self, upstream: str) -> None:
        session = requests.Session()
        session.mount("http://", HTTPAdapter(pool_maxsize=64))
        self._client = Client(session_id="bench", instance="127.0.0.1", session=session)
        self._client.base_url = f"{upstream}/services/data/v65.0/"

    def write(self, record_id: str, invoice: Body) -> None:
        fields = {
            "Stripe_Invoice_Id__c": invoice["id"],
            "Stripe_Status__c": invoice["status"],
            "Stripe_Invoice_Number__c": invoice["number"],
            "Stripe_Invoice_URL__c": invoice["hosted_invoice_url"],
        }
        self._client.restful(f"sobjects/Opportunity/{record_id}", method="PATCH", json=fields, timeout=30)


def invoice_params(body: Body) -> Body:
    return {
        "customer": "cus_1Bench000000000000000001",
        "currency": body["currency"],
        "collection_method": "send_invoice",
        "days_until_due": 30,
        "auto_advance": False,
        "pending_invoice_items_behavior": "exclude",
        "metadata": {"sf_record_id": body["record_id"], "sf_object": "Opportunity"},
    }


def line_params(body: Body) -> list[Body]:
    return [
        {
            "description": line["description"],
            "quantity": int(line["quantity"]),
            "price_data": {
                "currency": body["currency"],
                "unit_amount": int(line["unit_price"].replace(".", "")),
                "product_data": {"name": line["description"]},
            },
        }
        for line in body["lines"]
    ]


def envelope(body: Body, invoice: Body) -> Body:
    return {
        "success": True,
        "status": "succeeded",
        "record_id": body["record_id"],
        "stripe_id": invoice["id"],
        "stripe_status": invoice["status"],
        "number": invoice["number"],
        "url": invoice["hosted_invoice_url"],
    }


def run(app: Starlette) -> None:
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
