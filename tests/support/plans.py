"""Plans made without a world around them: a request, what was read, and the plan that follows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

from gateway import actions
from gateway.actions import Charge, Context, Customer, EntityFacts
from gateway.pipeline.strict import parse
from gateway.records import Plan, SourceRef
from gateway.sources import BillTo, Party, SourceLine, SourceRecord

RECORD = "006000000000001AAA"
ACCOUNT = "001000000000001AAA"
CONTACT = "003000000000001AAA"
LINES = ("00k000000000001AAA", "00k000000000002AAA")
NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC).timestamp()

REF = SourceRef("Opportunity", RECORD)
PARTY = Party(ACCOUNT, "Account", "Harbor Cycles Inc.", street="812 Pier Road", city="Seattle", country="US")
BEN = BillTo(CONTACT, "Ben Castillo", "ben@harbor.example", "contact role Billing")
SOURCE = SourceRecord(
    ref=REF,
    name="Fleet renewal",
    party=PARTY,
    bill_to=(BEN,),
    amount=Decimal(300),
    lines=(
        SourceLine(LINES[0], "Frame", None, Decimal(2), Decimal(100), Decimal(200)),
        SourceLine(LINES[1], "Wheel", None, Decimal(1), Decimal(100), Decimal(100)),
    ),
)
CHARGE = Charge("ch_1", "usd", captured=30000, refunded=0, disputed=False, metadata={})
US = EntityFacts("us", "test", time_zone="America/New_York", default_currency="usd")
CONTEXT = Context(
    "act_1", "00D000000000001EAA", REF, US, NOW,
    source=SOURCE, party=PARTY, customer=Customer(ACCOUNT, "cus_1", same_recipient=True), charge=CHARGE,
    tax_ids={"cus_1": ()},
)  # fmt: skip


def context(**changes: Any) -> Context:
    """The usual one, with some facts changed."""
    return replace(CONTEXT, **changes)


def plan(name: str, facts: Context | None = None, **members: Any) -> Plan:
    """Checked and planned as the pipeline does it; raises what it would raise."""
    action = actions.registry()[name]
    request = parse(action.request, {"record_id": RECORD, **members})
    action.check(request)
    return action.plan(request, facts or CONTEXT)


def params(plan: Plan, step: str) -> Any:
    """What the named step tells Stripe."""
    return next(each.params for each in plan.steps if each.name == step)


def invoice_lines(plan: Plan) -> list[Any]:
    """Every line of a planned invoice, over all its steps."""
    return [line for step in plan.steps for line in step.params.get("lines", ())]
