"""Which entity bills a record: rules as data, and a refusal wherever two would be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from gateway.config.model import Config, Entity, Org, Route
from gateway.errors import Rejected

Verdict = Literal["yes", "no", "unread"]

# Names of facts that are no field of the record; Salesforce field names begin with a capital or end in __c.
CURRENCY = "currency"
RECORD_TYPE = "record_type"


def route(config: Config, org: Org, sobject: str, facts: Mapping[str, object]) -> Entity:
    """
    The one entity that bills this record.

    ``facts`` maps field names (as ``routed_fields`` lists them), ``currency`` and ``record_type`` to values. Raises
    ``entity_ambiguous`` or ``no_entity``; a rule that turns on a fact nobody read is not guessed about.
    """
    if len(org.entities) == 1:
        return config.entities[org.entities[0]]
    rules = [rule for rule in config.routing if rule.entity in org.entities]
    known = {name.casefold(): value for name, value in facts.items()}
    verdicts = [(rule, _verdict(rule, org, sobject, known)) for rule in rules]
    if unread := [rule for rule, verdict in verdicts if verdict == "unread"]:
        raise _ambiguous(f"which entity bills it depends on {_turns_on(unread[0])}, which was not given")
    matching = [rule for rule, verdict in verdicts if verdict == "yes"]
    chosen = {rule.entity for rule in _specific(matching) or matching}
    if len(chosen) > 1:
        raise _ambiguous(f"the routing rules name {' and '.join(sorted(chosen))} for it")
    if not chosen:
        raise Rejected(
            "no_entity",
            "No Stripe entity is responsible for this record: an administrator must add a routing rule for it.",
            field="entity",
        )
    return config.entities[chosen.pop()]


def routed_fields(config: Config, org: Org, sobject: str) -> frozenset[str]:
    """Fields of the object (and ``currency``, ``record_type``) that must be known before ``route`` can decide."""
    if len(org.entities) == 1:
        return frozenset()
    names: set[str] = set()
    for when in (rule.when for rule in config.routing if rule.entity in org.entities):
        if when.org in {None, org.name} and (when.sobject is None or _same(when.sobject, sobject)):
            names |= {when.field} if when.field else set()
            names |= {CURRENCY} if when.currency else set()
            names |= {RECORD_TYPE} if when.record_type else set()
    return frozenset(names)


def _verdict(rule: Route, org: Org, sobject: str, facts: Mapping[str, object]) -> Verdict:
    when = rule.when
    if (when.org and when.org != org.name) or (when.sobject and not _same(when.sobject, sobject)):
        return "no"
    equals = (when.equals,) if isinstance(when.equals, str) else when.equals or ()
    wanted = [
        (when.field, tuple(map(_text, equals))),
        (CURRENCY if when.currency else None, (_text(when.currency),)),
        (RECORD_TYPE if when.record_type else None, (_text(when.record_type),)),
    ]
    conditions = [(name.casefold(), values) for name, values in wanted if name]
    if any(name in facts and _text(facts[name]) not in values for name, values in conditions):
        return "no"
    return "yes" if all(name in facts for name, _ in conditions) else "unread"


def _specific(rules: list[Route]) -> list[Route]:
    """A rule that says nothing about the record is a default: it counts only where no other does."""
    return [
        rule for rule in rules if any((rule.when.sobject, rule.when.field, rule.when.currency, rule.when.record_type))
    ]


def _turns_on(rule: Route) -> str:
    return rule.when.field or ("its record type" if rule.when.record_type else "its currency")


def _text(value: object) -> str:
    return str(value).casefold() if value is not None else ""


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _ambiguous(why: str) -> Rejected:
    return Rejected(
        "entity_ambiguous",
        f"It is not clear which Stripe entity bills this record: {why}. Name the entity, or ask an administrator.",
        field="entity",
    )
