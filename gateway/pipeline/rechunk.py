"""Stripe took fewer lines in one call than its reference says: plan the rest in smaller chunks, and remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import Connection

from gateway.actions import lines as line_items
from gateway.engine import ledger
from gateway.engine.settings import put_setting
from gateway.errors import Refused
from gateway.pipeline import codec
from gateway.pipeline.work import Tools, Work
from gateway.records import Json, Plan, Step

_SMALLER = 100


async def rechunk(
    tools: Tools, work: Work, fence: Callable[[Connection], None], n: int, step: Step, exc: Refused
) -> bool:
    """Whether the refusal was about the number of lines and the plan now has smaller steps (stored, awaited)."""
    lines = step.params.get("lines")
    if not (isinstance(lines, list) and len(lines) > _SMALLER and (exc.param or "").split("[")[0] == "lines"):
        return False
    assert work.plan is not None  # noqa: S101 - it has steps
    plan = replace(work.plan, steps=(*work.plan.steps[:n], *_split(step, lines), *work.plan.steps[n + 1 :]))

    def commit(conn: Connection) -> None:
        fence(conn)
        _store(conn, tools, work, plan)

    await tools.store.write(commit)
    work.plan = plan
    tools.lines_per_call[plan.entity] = _SMALLER
    return True


def _store(conn: Connection, tools: Tools, work: Work, plan: Plan) -> None:
    ledger.replace_plan(conn, tools.sealer, work.id, codec.plan_to_json(plan))
    put_setting(conn, f"lines_per_call:{plan.entity}", str(_SMALLER))


def _split(step: Step, lines: list[Json]) -> list[Step]:
    chunks = [lines[start : start + _SMALLER] for start in range(0, len(lines), _SMALLER)]
    steps, so_far = [], 0
    for n, chunk in enumerate(chunks):
        so_far += sum(_minor(line) for line in chunk)
        last = n == len(chunks) - 1
        lookup = line_items.lookup(so_far, n * _SMALLER + len(chunk))
        steps.append(
            replace(
                step,
                name=f"{step.name}_{n}_of_{len(chunks)}",
                params={"lines": chunk},
                lookup=step.lookup if last else lookup,
                expect=step.expect if last else {},
            )
        )
    return steps


def _minor(line: Json) -> int:
    if "amount" in line:
        return int(line["amount"])
    price = line["price_data"]
    unit = price.get("unit_amount", price.get("unit_amount_decimal"))
    return int(Decimal(str(unit)) * line["quantity"])
