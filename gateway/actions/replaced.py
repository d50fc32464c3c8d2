"""The record's open invoice that a new one is sent instead of."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.actions import Context
from gateway.records import Live, Lookup, Step, StepKind


def voided(context: Context, undo: Mapping[str, str]) -> tuple[Step, ...]:
    """
    Void what can still be paid. Just before the new one is finalized: whatever is refused before that leaves the
    record with its invoice, what the old one had taken of the customer's balance is there for the new one, and never
    are two of them open.
    """
    payable = [row for row in context.live if row.status in {"open", "uncollectible"}]
    return tuple(_void(f"_{n}" if n else "", row, undo) for n, row in enumerate(payable))


def _void(nth: str, row: Live, undo: Mapping[str, str]) -> Step:
    path = f"/v1/invoices/{row.stripe_id}"
    return Step(
        f"void{nth}", "POST", f"{path}/void", kind=StepKind.STATE, lookup=Lookup(path, done_when={"status": ("void",)}),
        saves={f"voided{nth}": "id"}, undo=undo,
        remains=f"Invoice {row.shown.get('number') or row.stripe_id} was voided already: send the invoice again.",
    )  # fmt: skip
