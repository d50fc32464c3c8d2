"""Nothing is told of another record's payments, whatever state they are in: they do not exist for who asks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.pipeline.accept import Answer
from tests.scenarios.lab import Lab, ask

UNKNOWN = {"invoice": "in_1AbCdEfGhIjKl", "payment_intent": "pi_3AbCdEfGhIjKl", "charge": "ch_3AbCdEfGhIjKl"}


def told(answer: Answer) -> tuple[int, Any, Any]:
    return answer.http_status, answer.envelope["error_code"], answer.envelope["user_message"]


async def about(gateway: Gateway, record_id: str, kind: str, stripe_id: str) -> tuple[int, Any, Any]:
    members = {"record_id": record_id, kind: stripe_id}
    return told(await ask(gateway, "refund-payment", members, key=f"{record_id} {stripe_id}"))


def references(lab: Lab) -> list[tuple[str, str]]:
    invoices = [("invoice", x["id"]) for x in lab.of_record("invoice", lab.fleet)]
    intents = [("payment_intent", x["id"]) for x in lab.objects("payment_intent")]
    return [*invoices, *intents, *(("charge", x["id"]) for x in lab.objects("charge"))]


def test_another_records_payment_is_answered_like_one_that_never_was(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    other = next(record for record in lab.opportunities.values() if record != lab.fleet)

    async def story() -> None:
        async with lab.gateway() as gateway:
            unknown = {kind: await about(gateway, other, kind, stripe_id) for kind, stripe_id in UNKNOWN.items()}
            assert {(status, code) for status, code, _ in unknown.values()} == {(404, "no_such_payment")}
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
            [invoice] = lab.of_record("invoice", lab.fleet)
            seen = set()
            for part in ({}, {"amount": 100_000}, {}):  # unpaid, then paid in one part, then in two
                if seen:
                    lab.control("stripe", "POST", f"invoices/{invoice['id']}/pay", part)
                for kind, stripe_id in references(lab):
                    seen.add(kind)
                    assert await about(gateway, other, kind, stripe_id) == unknown[kind]
            assert seen == set(UNKNOWN)
            assert lab.objects("refund") == []
            [first, *_] = lab.objects("charge")
            own = await about(gateway, lab.fleet, "charge", first["id"])
            assert own[0] == 200
            assert len(lab.objects("refund")) == 1

    asyncio.run(story())


@pytest.mark.plain  # without its ledger nothing can be compared at the end
def test_our_metadata_on_an_invoice_is_enough_where_the_ledger_was_lost(
    sqlite_lab: Lab, sqlite_template: bytes
) -> None:
    lab = sqlite_lab
    database = lab.database.removeprefix("sqlite:///")

    async def bill() -> None:
        async with lab.gateway() as gateway:
            await ask(gateway, "send-invoice", {"record_id": lab.fleet}, key="i")
            lab.pay(lab.of_record("invoice", lab.fleet)[0])

    async def refund() -> tuple[int, Any, Any]:
        async with lab.gateway() as gateway:
            return await about(gateway, lab.fleet, "invoice", lab.of_record("invoice", lab.fleet)[0]["id"])

    asyncio.run(bill())
    for name in ("", "-wal", "-shm"):
        Path(database + name).unlink(missing_ok=True)
    Path(database).write_bytes(sqlite_template)
    status, code, words = asyncio.run(refund())

    assert (status, code) == (200, None), words
