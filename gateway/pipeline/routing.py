"""Which Stripe entity an action is for: named in the request, or by the configured rules over what was read."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.actions import RequestModel
from gateway.config import Config, Org, route, routed_fields
from gateway.errors import Rejected
from gateway.records import Json
from gateway.sources import SourceRecord
from gateway.sources.reading import at

RECORD_TYPE = "RecordType.DeveloperName"


def known_entity(config: Config, org: Org, sobject: str, request: RequestModel) -> str | None:
    """The entity as far as the request alone decides it; None = the record must be read first."""
    if request.entity is not None:
        if request.entity not in org.entities:
            raise Rejected("unknown_entity", f"This org has no entity {request.entity[:60]}.", field="entity")
        return str(request.entity)
    if routed_fields(config, org, sobject) - {"currency"} or (
        _turns_on_currency(config, org, sobject) and not _currency(request)
    ):
        return None
    return route(config, org, sobject, {"currency": _currency(request)}).name


def entity_by_record(config: Config, org: Org, sobject: str, request: RequestModel, source: SourceRecord) -> str:
    """The entity by the rules over the record's fields; ambiguity is refused."""
    facts: dict[str, Json] = dict(_flat(source.fields))
    facts["currency"] = _currency(request) or source.currency
    facts["record_type"] = at(source.fields, RECORD_TYPE)
    return route(config, org, sobject, facts).name


def wanted_fields(config: Config, org: Org, sobject: str) -> tuple[str, ...]:
    """Fields the rules turn on, to be read with the record."""
    names = routed_fields(config, org, sobject)
    own = sorted(names - {"currency", "record_type"})
    return (*own, *((RECORD_TYPE,) if "record_type" in names else ()))


def _turns_on_currency(config: Config, org: Org, sobject: str) -> bool:
    return "currency" in routed_fields(config, org, sobject)


def _currency(request: RequestModel) -> str | None:
    return getattr(request, "currency", None)


def _flat(fields: Mapping[str, Json], prefix: str = "") -> dict[str, Json]:
    flat: dict[str, Json] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
