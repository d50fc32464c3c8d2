"""What became of a step whose answer was lost: the object found by our metadata, or its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.connectors.stripe import StripeConnector
from gateway.errors import Refused, UnknownOutcome
from gateway.pipeline.holes import dotted, fill, path_of
from gateway.records import Json, Lookup, Step, StepKind

REFUSED = "lookup_refused"  # Stripe said no to the question
_MARGIN = 300  # seconds the clocks of Stripe and the gateway may be apart


@dataclass(frozen=True)
class Found:
    """An answer, whether it came from the call or from looking: its body is as of now."""

    body: dict[str, Json]
    request_id: str | None = None
    replayed: bool = True


async def find(
    stripe: StripeConnector, entity: str, action_id: str, step: Step, holes: Mapping[str, Json], *, since: float
) -> Found | None:
    """
    The effect of ``step``, or None where Stripe shows none.

    Raises UnknownOutcome where Stripe refuses to tell: a refused question is no answer about the step.
    """
    try:
        return await _looked_up(stripe, entity, action_id, step, holes, since)
    except Refused as exc:
        raise UnknownOutcome(
            REFUSED, f"Stripe would not tell what became of it ({exc.message}): it is asked again.",
            request_id=exc.request_id,
        ) from exc  # fmt: skip


async def _looked_up(
    stripe: StripeConnector, entity: str, action_id: str, step: Step, holes: Mapping[str, Json], since: float
) -> Found | None:
    if step.lookup is None:
        return None
    if step.lookup.match:
        return await _alike(stripe, entity, step.lookup, holes)
    if step.kind is StepKind.CREATE and not step.lookup.done_when:
        return await _among(stripe, entity, action_id, step, holes, since)
    return await _state(stripe, entity, step, holes)


async def _among(
    stripe: StripeConnector, entity: str, action_id: str, step: Step, holes: Mapping[str, Json], since: float
) -> Found | None:
    """Newest first, back to the lower bound of when it can have been sent, however many there are."""
    assert step.lookup is not None  # noqa: S101
    params = fill(step.lookup.params, holes)
    path = path_of(step.lookup.path, holes)
    bound = int(since - _MARGIN)
    if path != "/v1/payment_links":  # the only list of these without a filter by time: looked through to its end
        params = {**params, "created": {"gte": bound}}
    async for item in stripe.list_all(entity, path, params):
        told = item.get("metadata") or {}
        if told.get("gw_action_id") == action_id and told.get("gw_step") == step.name:
            return Found(item)
        if item.get("created", bound) < bound:
            return None
    return None


async def _alike(stripe: StripeConnector, entity: str, lookup: Lookup, holes: Mapping[str, Json]) -> Found | None:
    path, params = path_of(lookup.path, holes), fill(lookup.params, holes)
    try:
        async for item in stripe.list_all(entity, path, params):
            if all(item.get(member) == value for member, value in lookup.match.items()):
                return Found(item)
    except Refused as exc:
        if exc.status != 404:  # gone with all that it had
            raise
    return None


async def _state(stripe: StripeConnector, entity: str, step: Step, holes: Mapping[str, Json]) -> Found | None:
    assert step.lookup is not None  # noqa: S101
    try:
        answer = await stripe.call(entity, "GET", path_of(step.lookup.path, holes))
    except Refused as exc:
        if exc.status == 404:
            return None
        raise
    done = all(dotted(answer.body, member) in values for member, values in step.lookup.done_when.items())
    if not done or (step.lookup.count and not await _has(stripe, entity, step.lookup.count, holes)):
        return None
    return Found(answer.body, answer.request_id)


async def _has(stripe: StripeConnector, entity: str, count: tuple[str, int], holes: Mapping[str, Json]) -> bool:
    path, wanted = count
    return len([item async for item in stripe.list_all(entity, path_of(path, holes))]) == wanted
