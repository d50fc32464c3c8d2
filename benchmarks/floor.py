"""
The floor: what a strong engineer would write without durability. The same check, the same four calls, one write back.

Starlette on uvicorn (uvloop, httptools), RS256 by PyJWT with a key object, ``raw_request_async`` on
``stripe.AIOHTTPClient``, one fire-and-forget Salesforce write by simple-salesforce in a thread.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.floor_parts import Check, Salesforce, envelope, invoice_params, line_params, run

UPSTREAM = os.environ["BENCH_UPSTREAM"]
check = Check(os.environ["BENCH_PUBLIC_KEY"])
salesforce = Salesforce(UPSTREAM)
background: set[asyncio.Task[None]] = set()


class Client:
    """One StripeClient, made on the loop that uses it."""

    def __init__(self) -> None:
        self._client: stripe.StripeClient | None = None

    def __call__(self) -> stripe.StripeClient:
        if self._client is None:
            self._client = stripe.StripeClient(
                "sk_test_bench",
                http_client=stripe.AIOHTTPClient(),
                base_addresses={"api": UPSTREAM},
                max_network_retries=0,
            )
        return self._client


client = Client()


async def call(path: str, key: str, params: dict[str, Any]) -> dict[str, Any]:
    answer = await client().raw_request_async("post", path, idempotency_key=key, **params)
    data: dict[str, Any] = answer.data
    return data


async def send_invoice(request: Request) -> JSONResponse:
    if check(request.headers.get("authorization", "")) is None:
        return JSONResponse({"error": "invalid_token"}, 401)
    body, key = await request.json(), request.headers["idempotency-key"]
    invoice = await call("/v1/invoices", f"{key}:invoice", invoice_params(body))
    path = f"/v1/invoices/{invoice['id']}"
    await call(f"{path}/add_lines", f"{key}:lines", {"lines": line_params(body)})
    await call(f"{path}/finalize", f"{key}:finalize", {"auto_advance": False})
    sent = await call(f"{path}/send", f"{key}:send", {})
    write = asyncio.create_task(asyncio.to_thread(salesforce.write, body["record_id"], sent))
    background.add(write)
    write.add_done_callback(background.discard)
    return JSONResponse(envelope(body, sent))


app = Starlette(routes=[Route("/v1/actions/send-invoice", send_invoice, methods=["POST"])])

if __name__ == "__main__":
    run(app)
