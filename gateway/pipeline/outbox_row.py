"""A row of ``Stripe_Action__c`` that somebody inserted in Salesforce, as the request it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from gateway import actions
from gateway.actions import Action, Request
from gateway.cards import refuse_cards
from gateway.errors import Rejected
from gateway.ids import salesforce_id
from gateway.pipeline.accept import Submission
from gateway.pipeline.strict import parse, parse_json
from gateway.records import Caller, Json

_ENTITY, _LINES, _OPTIONS, _PAYMENT = "Requested_Entity__c", "Lines_Json__c", "Options_Json__c", "payment"
_OURS = {_ENTITY: "entity"}
_PAYMENTS = {"pi": "payment_intent", "ch": "charge", "py": "charge", "in": "invoice"}
_DOUBLING = ("replace", "additional")  # what the business guard does not hold back
_NEVER = ("record_id", "object", "request_key", "preview_token")  # said by the row itself, or not for it to say
# Salesforce rounds a number to its field's decimals: one with more of them travels as text among the options.
_UNROUNDED = frozenset({"amount", "portion_amount", "portion_percent"})


def columns() -> tuple[str, ...]:
    """Every column that a request may fill, of whatever action."""
    named = {column for action in actions.registry().values() for column in action.columns}
    return tuple(sorted({*named, *_OURS, _LINES, _OPTIONS}))


def submission(org: str, row: Mapping[str, Json], own_users: frozenset[str]) -> Submission:
    """
    What the row asks for, by who inserted it, under the row's own id as the key. Raises Rejected, for good.

    ``own_users``: who else may have touched the row, which is the gateway itself.
    """
    creator = salesforce_id(row["CreatedById"])
    if salesforce_id(row["LastModifiedById"]) not in {creator, *own_users}:
        raise Rejected("row_was_changed", "Somebody else changed this row after it was inserted: insert a new one.")
    action = actions.registry().get(row["Action__c"] or "")
    if action is None:
        known = ", ".join(sorted(actions.registry()))
        raise Rejected("unknown_action", f"The gateway cannot do this. It knows: {known}.", field="Action__c")
    members = {
        "record_id": row["Source_Record_Id__c"],
        "object": row["Source_Object__c"],
        **_members(action, row),
        "request_key": salesforce_id(row["Id"]),
    }
    members = {name: value for name, value in members.items() if value is not None}
    refuse_cards(members)
    request = parse(action.request, members)
    if creator in own_users:
        _only_what_may_come_again(action, request)
    return Submission(Caller(org, creator, "outbox"), action, request, request_id=row["Id"])


def _only_what_may_come_again(action: Action, request: Request) -> None:
    """Rows of the gateway's own user come from flows that ran on its own write, and may come with the next one too."""
    doubling = next((name for name in _DOUBLING if getattr(request, name, False)), None)
    if action.money_out or doubling:
        raise Rejected(
            "caused_by_gateway",
            f"A flow asked for this because the gateway itself wrote to a record, and {doubling or action.label} needs"
            " a person: let the flow leave out changes by the gateway's user, or start it from what a person does.",
            field=doubling,
        )


def _members(action: Action, row: Mapping[str, Json]) -> dict[str, Json]:
    told: dict[str, Json] = {}
    for column in columns():
        value = row.get(column)
        # Not `in (None, False, "")`: 0 equals False, and an amount of 0 must be refused, not taken for "all of it".
        if value is None or value is False or value == "" or column == _OPTIONS:
            continue
        name = _OURS.get(column) or action.columns.get(column)
        if name is None:
            raise Rejected("column_not_used", f"{action.label} does not use {column}: leave it empty.", field=column)
        told |= _payment(str(value)) if name == _PAYMENT else {name: _value(column, value)}
    options = _json(row, _OPTIONS, dict) or {}
    with_column = {*action.columns.values(), *_OURS.values(), *_PAYMENTS.values()} - _UNROUNDED
    for name in options:
        if name in told or name in _NEVER or name in with_column:
            raise Rejected(
                "option_said_twice", f"{name} has a column of its own: leave it out of {_OPTIONS}.", field=name
            )
    return {**told, **options}


def _value(column: str, value: Json) -> Json:
    if column == _LINES:
        return _json({column: value}, column, list)
    # Salesforce writes every number with a point: 30.0 days, 10.0 percent.
    return int(value) if isinstance(value, Decimal) and column == "Days_Until_Due__c" else value


def _payment(stripe_id: str) -> dict[str, Json]:
    name = _PAYMENTS.get(stripe_id.partition("_")[0])
    if name is None:
        raise Rejected("invalid_id", "Payment_Id__c must be a pi_…, ch_… or in_… id.", field="Payment_Id__c")
    return {name: stripe_id}


def _json(row: Mapping[str, Json], column: str, kind: type) -> Json:
    text = row.get(column)
    if not text:
        return None
    try:
        value = parse_json(str(text).encode())
    except Rejected as exc:
        raise Rejected(exc.code, f"{column}: {exc.message}", field=column) from exc
    if not isinstance(value, kind):
        raise Rejected(
            "invalid_json", f"{column} must hold a JSON {'list' if kind is list else 'object'}.", field=column
        )
    return value
