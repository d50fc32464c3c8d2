"""
What the crash and fault tests play: every action, from a record of its own to the one effect it must have.

A story says what its record has been through, what is asked, and what must then be at Stripe: no less, no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.app import Gateway
from gateway.pipeline.accept import Answer
from gateway.records import Caller
from tests.scenarios.lab import BILLED, MACHINE, PERSON, Lab, ask

ASKED = {"recipient_email": BILLED, "currency": "USD", "lines": [{"description": "Frames", "amount": "100.00"}]}
LINK = {"amount": "50.00", "currency": "USD", "description": "Deposit"}
AT_ONCE = 8  # records prepared side by side


@dataclass(frozen=True)
class Deal:
    """A record nothing else touches, of an account nothing else touches; ``key`` is its request's key."""

    record: str
    account: str
    key: str

    def body(self, members: Mapping[str, Any]) -> dict[str, Any]:
        return {**members, "record_id": self.record, **({"account_id": self.account} if "lines" in members else {})}


@dataclass(frozen=True)
class Story:
    """``wanted``: kind of Stripe object -> the shapes (see SHAPES) of all of them that belong to the record."""

    name: str
    action: str
    members: Mapping[str, Any]
    wanted: Mapping[str, list[Any]]
    before: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    paid: bool = False
    caller: Caller = PERSON
    sobject: str = "Opportunity"
    stamp: str | None = None  # the record's Stripe_Status__c at the end

    def __str__(self) -> str:
        return self.name


MADE = ("create-customer", {"recipient_email": BILLED})
SENT = ("send-invoice", ASKED)
STORIES = (
    Story("create-customer", "create-customer", {"recipient_email": BILLED}, {"customer": [BILLED]}, sobject="Account"),
    Story(
        "update-customer",
        "create-customer",
        {"recipient_email": "new@harborcycles.example"},
        {"customer": ["new@harborcycles.example"]},
        before=(MADE,),
        sobject="Account",
    ),
    Story(
        "send-invoice",
        "send-invoice",
        ASKED,
        {"customer": [BILLED], "invoice": [("open", 10000)], "mail": [BILLED]},
        stamp="Invoice Open",
    ),
    Story(
        "send-invoice-of-a-known-customer",
        "send-invoice",
        {**ASKED, "lines": [{"description": "Wheels", "amount": "40.00"}], "additional": True},
        {"customer": [BILLED], "invoice": [("open", 4000), ("open", 10000)], "mail": [BILLED, BILLED]},
        before=(SENT,),
        caller=MACHINE,
        stamp="Invoice Open",
    ),
    Story(
        "replace-invoice",
        "send-invoice",
        {**ASKED, "lines": [{"description": "Wheels", "amount": "40.00"}], "replace": True},
        {"customer": [BILLED], "invoice": [("open", 4000), ("void", 10000)], "mail": [BILLED, BILLED]},
        before=(SENT,),
        stamp="Invoice Open",
    ),
    Story(
        "create-payment-link",
        "create-payment-link",
        LINK,
        {"payment_link": [True]},
        stamp="Payment Link Active",
    ),
    Story(
        "replace-payment-link",
        "create-payment-link",
        {**LINK, "amount": "60.00"},
        {"payment_link": [False, True]},
        before=(("create-payment-link", LINK),),
        stamp="Payment Link Active",
    ),
    Story(
        "refund-payment",
        "refund-payment",
        {"amount": "10.00"},
        {"customer": [BILLED], "invoice": [("paid", 10000)], "mail": [BILLED], "refund": [("succeeded", 1000)]},
        before=(SENT,),
        paid=True,
        stamp="Partially Refunded",
    ),
)

SHAPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "customer": lambda x: x["email"],
    "invoice": lambda x: (x["status"], x["total"]),
    "mail": lambda x: x["to"],
    "payment_link": lambda x: x["active"],
    "refund": lambda x: (x["status"], x["amount"]),
}


@dataclass
class Records:
    """Makes records for a story and brings them to where it begins."""

    lab: Lab
    story: Story
    made: int = field(default=0)

    async def ready(self, gateway: Gateway, count: int) -> list[Deal]:
        """``count`` records, side by side."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> Deal:
            async with gate:
                return await self._ready(gateway)

        return list(await asyncio.gather(*(one() for _ in range(count))))

    async def _ready(self, gateway: Gateway) -> Deal:
        self.made += 1
        n, story, lab = self.made, self.story, self.lab
        account = await asyncio.to_thread(lab.save, "Account", {"Name": f"{story} {n}"})
        record = account
        if story.sobject != "Account":
            terms = {
                "Name": f"{story} {n}",
                "AccountId": account,
                "StageName": "Prospecting",
                "CloseDate": "2030-01-31",
            }
            record = await asyncio.to_thread(lab.save, story.sobject, terms)
        deal = Deal(record, account, f"{story}-{n}")
        for m, (name, members) in enumerate(story.before):
            answer = await ask(gateway, name, deal.body(members), key=f"{deal.key}-before-{m}")
            assert answer.envelope["success"], answer.envelope
        if story.paid:
            [invoice] = await asyncio.to_thread(lab.of_record, "invoice", record)
            await asyncio.to_thread(lab.control, "stripe", "POST", f"invoices/{invoice['id']}/pay", {})
        return deal


async def request(gateway: Gateway, story: Story, deal: Deal, wait: float, key: str | None = None) -> Answer:
    """The story's request, or its repeat."""
    members = deal.body(story.members)
    return await ask(gateway, story.action, members, key=key or deal.key, caller=story.caller, wait=wait)
