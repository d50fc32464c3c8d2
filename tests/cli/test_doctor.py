"""doctor against the simulators: what is right is said shortly, what is wrong comes with its fix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli.findings import skew
from gateway.engine.circuit import open_circuit
from gateway.engine.database import transaction
from gateway.engine.schema import circuit
from gateway.sandbox.world import World

READ_ONLY = "rk_test_readonly000000000000"
ELSEWHERE, RESTRICTED_ELSEWHERE = "sk_test_elsewhere00000000000", "rk_test_elsewhere00000000000"
READS = ["customer", "invoice", "payment_link", "charge", "payment_intent"]

Doctor = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("doctor"))
    stripe = made.folder / "stripe.json"
    accounts = json.loads(stripe.read_text())
    accounts["accounts"][0]["keys"].append({"key": READ_ONLY, "scopes": [f"rak_{name}_read" for name in READS]})
    elsewhere = [ELSEWHERE, {"key": RESTRICTED_ELSEWHERE, "scopes": ["rak_charge_write"]}]
    accounts["accounts"].append({"id": "acct_1Elsewhere", "keys": elsewhere})
    stripe.write_text(json.dumps(accounts))
    salesforce = made.folder / "salesforce.json"
    org = json.loads(salesforce.read_text())
    for user in org["users"]:
        user["permission_sets"] = [name for name in user.get("permission_sets", []) if not name.endswith("_Orders")]
    salesforce.write_text(json.dumps(org))
    with made:
        yield made


@pytest.fixture
def doctor(world: World, tmp_path: Path) -> Doctor:
    """Run it with (old, new) replacements in the configuration; findings by (subject, check)."""

    def run(*replacements: tuple[str, str]) -> dict[str, Any]:
        text = world.config.read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        config = tmp_path / "gateway.toml"
        config.write_text(text)
        result = CliRunner().invoke(app, ["doctor", "--config", str(config), "--json"])
        shown = json.loads(result.stdout)
        found = {(finding["subject"], finding["check"]): finding for finding in shown["findings"]}
        return {"exit_code": result.exit_code, "ok": shown["ok"], "found": found}

    return run


def test_in_a_sound_installation_nothing_fails(doctor: Doctor) -> None:
    shown = doctor(("[orgs.northwind]", '[orgs.northwind]\nobjects = ["Account", "Contact", "Opportunity", "Case"]'))

    assert [finding for finding in shown["found"].values() if finding["level"] == "fail"] == []
    assert shown["exit_code"] == 0
    assert shown["found"]["entity us", "write Invoices"]["level"] == "ok"
    assert shown["found"]["org northwind", "Stripe_Invoice__c"]["level"] == "ok"


def test_probing_changes_nothing_at_stripe(world: World, doctor: Doctor) -> None:
    before = [world.stripe_objects(kind) for kind in ("customer", "invoice", "refund", "payment_link")]

    doctor()

    assert [world.stripe_objects(kind) for kind in ("customer", "invoice", "refund", "payment_link")] == before


def test_the_key_of_another_account_is_told_with_both_accounts(doctor: Doctor) -> None:
    shown = doctor(("acct_1SandboxNorthwind", "acct_1SomebodyElse"))

    finding = shown["found"]["entity us", "account"]
    assert finding["level"] == "fail"
    assert "acct_1SandboxNorthwind" in finding["text"]
    assert "acct_1SomebodyElse" in finding["fix"]
    assert shown["exit_code"] == 1


@pytest.mark.parametrize("key", [ELSEWHERE, RESTRICTED_ELSEWHERE])
def test_a_key_and_a_refund_key_are_pinned_whether_restricted_or_not(world: World, doctor: Doctor, key: str) -> None:
    own = doctor((world.identity.stripe_key, key))["found"]["entity us", "account"]
    line = f'secret_key = "{world.identity.stripe_key}"'
    refund = doctor((line, f'{line}\nrefund_key = "{key}"'))["found"]["entity us", "refund key's account"]

    assert own["level"] == refund["level"] == "fail"
    assert "acct_1Elsewhere" in own["text"]
    assert "acct_1Elsewhere" in refund["text"]
    assert "entities.us.refund_key" in refund["fix"]


def test_a_restricted_key_of_the_right_account_is_known_by_its_refusal(world: World, doctor: Doctor) -> None:
    finding = doctor((world.identity.stripe_key, READ_ONLY))["found"]["entity us", "account"]

    assert (finding["level"], finding["text"][:22]) == ("ok", "acct_1SandboxNorthwind")


def test_a_refund_key_that_is_not_accepted_is_told_beside_the_rest(world: World, doctor: Doctor) -> None:
    line = f'secret_key = "{world.identity.stripe_key}"'
    found = doctor((line, f'{line}\nrefund_key = "sk_test_revoked00000000"'))["found"]

    assert found["entity us", "refund key's account"]["level"] == "fail"
    assert found["entity us", "write Invoices"]["level"] == "ok"


def test_a_missing_permission_is_named_as_the_dashboard_names_it(world: World, doctor: Doctor) -> None:
    shown = doctor((world.identity.stripe_key, READ_ONLY))

    found = shown["found"]
    assert found["entity us", "read Invoices"]["level"] == "ok"
    assert found["entity us", "write Invoices"]["level"] == "fail"
    assert 'set "Invoices" to write' in found["entity us", "write Invoices"]["fix"]
    assert "refund_key" in found["entity us", "write Charges and Refunds"]["fix"]


def test_a_wrong_key_stops_the_probing_of_that_entity_only(world: World, doctor: Doctor) -> None:
    shown = doctor((world.identity.stripe_key, "sk_test_revoked00000000"))

    assert shown["found"]["entity us", "key"]["level"] == "fail"
    assert shown["found"]["org northwind", "login"]["level"] == "ok"


def test_a_refused_login_names_what_must_belong_together(doctor: Doctor) -> None:
    shown = doctor(("gateway@northwind.example", "nobody@northwind.example"))

    finding = shown["found"]["org northwind", "login"]
    assert finding["level"] == "fail"
    assert "consumer_key" in finding["fix"]


def test_a_login_to_another_org_is_found(doctor: Doctor) -> None:
    shown = doctor(("00DSB00000000012AA", "00D5g000008XyZqEAK"))

    finding = shown["found"]["org northwind", "login"]
    assert finding["level"] == "fail"
    assert "00DSB00000000012AA" in finding["text"]


def test_an_api_version_that_the_org_does_not_know_is_not_taken_for_a_wrong_login(doctor: Doctor) -> None:
    shown = doctor(("[orgs.northwind.salesforce]", '[orgs.northwind.salesforce]\napi_version = "99.0"'))

    finding = shown["found"]["org northwind", "login"]
    assert finding["level"] == "fail"
    assert "correct orgs.northwind.salesforce.api_version: the org does not know 99.0" in finding["fix"]
    assert "consumer_key" not in finding["fix"]


def test_an_upstream_that_is_away_is_a_finding_and_not_a_crash(world: World, doctor: Doctor) -> None:
    shown = doctor((world.salesforce_url, "http://127.0.0.1:9"))

    assert "network" in shown["found"]["org northwind", "login"]["fix"]


def test_a_circuit_of_the_running_gateway_is_shown_with_its_cause(
    world: World, doctor: Doctor, sqlite_url: str
) -> None:
    [configured] = re.findall(r'^url = "(.*)"$', world.config.read_text(), re.MULTILINE)
    with transaction(sqlite_url) as conn:
        open_circuit(conn, "stripe:us", "stripe_unreachable", "Stripe cannot be reached.")
    new = doctor((configured, sqlite_url))["found"]["circuits", "stripe:us"]
    with transaction(sqlite_url) as conn:
        conn.execute(circuit.update().values(since=circuit.c.since - 400))
    old = doctor((configured, sqlite_url))["found"]["circuits", "stripe:us"]

    assert (new["level"], old["level"]) == ("warn", "fail")
    assert "Stripe cannot be reached." in new["text"]


def test_optional_objects_that_are_not_deployed_name_their_own_package(doctor: Doctor) -> None:
    shown = doctor(("[orgs.northwind]", '[orgs.northwind]\nobjects = ["Order", "Campaign"]'))

    order, campaign = (shown["found"]["org northwind", sobject] for sobject in ("Order", "Campaign"))
    assert "optional/orders" in order["fix"]
    assert '"Stripe Gateway Integration Orders"' in order["fix"]
    assert "remove Campaign from orgs.northwind.objects" in campaign["fix"]


def test_a_person_reads_the_same_as_a_table(world: World) -> None:
    result = CliRunner().invoke(app, ["doctor", "--config", str(world.config), "--only", "us"])

    assert "write Invoices" in result.stdout
    assert "org northwind" not in result.stdout


def test_an_unknown_name_is_refused(world: World) -> None:
    result = CliRunner().invoke(app, ["doctor", "--config", str(world.config), "--only", "uk"])

    assert result.exit_code == 2


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (4, "ok"), (-12, "warn"), (90, "fail")])
def test_clocks_may_differ_by_seconds_and_not_by_more(seconds: float, level: str) -> None:
    assert skew("entity us", 1_790_000_000.0, 1_790_000_000.0 + seconds).level == level


def test_an_answer_without_a_date_is_a_warning() -> None:
    assert skew("entity us", None, 1_790_000_000.0).level == "warn"
