"""The ordinary service: stripe-python as its README shows it, in the server's thread pool, no durability either."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.floor_parts import Check, Salesforce, envelope, invoice_params, line_params, run

UPSTREAM = os.environ["BENCH_UPSTREAM"]
check = Check(os.environ["BENCH_PUBLIC_KEY"])
salesforce = Salesforce(UPSTREAM)
pool = ThreadPoolExecutor(64)
client = stripe.StripeClient("sk_test_bench", base_addresses={"api": UPSTREAM}, max_network_retries=0)


def invoice(body: dict[str, object], key: str) -> stripe.Invoice:
    invoices = client.v1.invoices
    # The parameters are the plain dicts of floor_parts; the SDK types each of them as a TypedDict of its own.
    made = invoices.create(invoice_params(body), {"idempotency_key": f"{key}:invoice"})  # type: ignore[arg-type]
    invoices.add_lines(made.id, {"lines": line_params(body)}, {"idempotency_key": f"{key}:lines"})  # type: ignore[typeddict-item]
    invoices.finalize_invoice(made.id, {"auto_advance": False}, {"idempotency_key": f"{key}:finalize"})
    return invoices.send_invoice(made.id, {}, {"idempotency_key": f"{key}:send"})


async def send_invoice(request: Request) -> JSONResponse:
    if check(request.headers.get("authorization", "")) is None:
        return JSONResponse({"error": "invalid_token"}, 401)
    body = await request.json()
    loop = asyncio.get_running_loop()
    sent = await loop.run_in_executor(pool, invoice, body, request.headers["idempotency-key"])
    facts = {"id": sent.id, "status": sent.status, "number": sent.number, "hosted_invoice_url": sent.hosted_invoice_url}
    loop.run_in_executor(pool, salesforce.write, body["record_id"], facts)
    return JSONResponse(envelope(body, facts))


app = Starlette(routes=[Route("/v1/actions/send-invoice", send_invoice, methods=["POST"])])

if __name__ == "__main__":
    run(app)
