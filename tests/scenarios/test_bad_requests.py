"""
Every bad body and token of the corpora at the composed gateway, every action and its preview: the right answer, no row
in the ledger, no call to anybody. One gateway for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from gateway import actions
from gateway.app import Gateway, build
from gateway.config import load
from gateway.engine.clock import SystemClock
from gateway.engine.database import transaction
from gateway.engine.schema import action, job
from gateway.sandbox.wire import Server
from tests.scenarios.lab import Lab
from tests.scenarios.test_http import Caller
from tests.support.edge import Edge, configuration
from tests.support.tokens import AT, GOOD_TOKEN
from tests.web.corpus_bodies import BAD, RECORD, UNSUPPORTED
from tests.web.corpus_tokens import BAD as BAD_TOKENS

# What the corpus calls its members, by the names that the action has for such a member.
MEMBERS = {
    "create-customer": {},
    "create-payment-link": {"memo": "description", "send": "reusable"},
    "refund-payment": {"memo": "note"},
    "send-invoice": {"amount": "portion_amount", "memo": "description", "send": "automatic_tax"},
}
ROUTES = [f"/v1/actions/{name}{suffix}" for name in MEMBERS for suffix in ("", "/preview")]
# Bad for the corpus's own model alone: the actions take null for left out, longer texts, more lines, no amount.
GOOD_HERE = {"type_currency_null", "type_send_null", "type_memo_long", "type_lines_six", "amount_missing"}
# Nothing wrong with the body: that the sum is too small is an answer about the record, kept in the ledger.
TOO_SMALL = {"amount_zero", "amount_zero_decimals", "amount_int_zero", "amount_number_zero"}
# The same refusal by an earlier check of the action: form of a currency, of a key, amount beside lines, no key.
EARLIER = {"invalid_member", "invalid_request_key", "invalid_line", "request_key_required"}


@dataclass
class Door:
    """The gateway behind its front door, and what its world has seen so far."""

    lab: Lab
    gateway: Gateway
    edge: Edge
    token: str

    def effects(self) -> tuple[int, int, int, int]:
        """Actions and their jobs, calls to Stripe, calls to Salesforce but the outbox's looks."""
        with transaction(self.lab.database, readonly=True) as conn:
            rows = conn.execute(sa.select(sa.func.count()).select_from(action)).scalar_one()
            jobs = conn.execute(sa.select(sa.func.count()).where(job.c.kind == "action")).scalar_one()
        looks = ("/oauth2/token", "Stripe_Action__c", "FROM User ")
        asked = [str(call) for call in self.lab.calls("salesforce")]
        told = [call for call in asked if not any(look in call for look in looks)]
        return rows, jobs, len(self.lab.calls("stripe")), len(told)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, sqlite_template: bytes) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("world")
    (folder / "gateway.db").write_bytes(sqlite_template)
    lab = Lab(folder, f"sqlite:///{folder}/gateway.db")
    made = build(load(lab.config_file, {}))
    with Server(made.app) as server:
        edge = Edge(made.tools.config, made.tools.clock, server.port)  # type: ignore[arg-type]  # of which only the port counts
        yield Door(lab, made, edge, Caller(lab, server.url).token())
    lab.close()


def fitted(data: bytes, name: str, record_id: str) -> bytes:
    """The body as this action would be sent it: about a record that is there, with a currency where none is said."""
    data = data.replace(RECORD.encode(), record_id[:15].encode())
    for theirs, ours in MEMBERS[name].items():
        data = data.replace(f'"{theirs}"'.encode(), f'"{ours}"'.encode())
        data = data.replace(_escaped(theirs), _escaped(ours))
    if name != "create-customer" and b'"currency"' not in data:
        data = data.replace(b'{"record_id"', b'{"currency":"USD","record_id"', 1)
    return data


def _escaped(member: str) -> bytes:
    return f'"\\u{ord(member[0]):04x}{member[1:]}"'.encode()


def unknown_there(name: str, field: str | None) -> bool:
    return (field or "").partition("[")[0] not in actions.registry()[name].request.model_fields


@pytest.mark.parametrize("route", ROUTES)
def test_a_bad_body_is_refused_and_does_nothing(door: Door, route: str) -> None:
    before, wrong, name = door.effects(), [], route.split("/")[3]
    cases = {label: case for label, case in BAD.items() if label not in GOOD_HERE | TOO_SMALL}
    for label, (data, status, code, _) in cases.items():
        body = fitted(data, name, door.lab.account)
        answer, told = door.edge.post(body, token=door.token, path=route)
        found, field = told["error_code"], told.get("field")
        allowed = {code, *(EARLIER if status == 422 else ())}
        allowed |= {"unknown_member"} if unknown_there(name, field) else set()
        if answer.status != status or found not in allowed or "4242" in json.dumps(told):
            wrong.append((label, answer.status, found, field))

    assert len(cases) >= 220
    assert wrong == []
    assert door.effects() == before


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_in_another_format_is_refused_and_does_nothing(door: Door, route: str) -> None:
    before = door.effects()
    body = json.dumps({"record_id": door.lab.account}).encode()
    for headers in UNSUPPORTED.values():
        answer, told = door.edge.post(body, token=door.token, path=route, content_type=None, headers=headers)

        assert (answer.status, told["error_code"]) == (415, "unsupported_media_type")
    assert door.effects() == before


class StandingClock(SystemClock):
    """The moment for which the tokens of the corpus were made."""

    def now(self) -> float:
        return float(AT)


@pytest.fixture(scope="module")
def stern_door(tmp_path_factory: pytest.TempPathFactory, sqlite_template: bytes) -> Iterator[Door]:
    """The composed gateway with the keys and the moment that the tokens of the corpus are about."""
    folder, keys = tmp_path_factory.mktemp("world"), tmp_path_factory.mktemp("keys")
    (folder / "gateway.db").write_bytes(sqlite_template)
    lab = Lab(folder, f"sqlite:///{folder}/gateway.db")
    made = build(load(lab.config_file, {}), clock=StandingClock())
    with Server(made.app) as server:
        made.authenticator.replace(tuple(configuration(keys).orgs.values()))
        edge = Edge(made.tools.config, made.tools.clock, server.port)  # type: ignore[arg-type]  # of which only the port counts
        yield Door(lab, made, edge, GOOD_TOKEN)
    lab.close()


def test_a_bad_token_is_refused_everywhere_and_does_nothing(stern_door: Door) -> None:
    door, wrong = stern_door, []
    body = json.dumps({"record_id": door.lab.account, "request_key": "k"}).encode()
    known, _ = door.edge.post(b"", token=GOOD_TOKEN, path="/v1/actions/send-money")
    before = door.effects()
    for n, (label, (token, _)) in enumerate(BAD_TOKENS.items()):
        for route in (ROUTES[n % len(ROUTES)], "/v1/outbox/pull"):
            answer, told = door.edge.post(body, token=token, path=route)
            if (answer.status, told["error_code"]) != (401, "unauthenticated"):
                wrong.append((label, route, answer.status, told["error_code"]))

    assert known.status == 404  # a good one gets as far as the question which action
    assert len(BAD_TOKENS) >= 250
    assert wrong == []
    assert door.effects() == before
