"""actions list, show, trace and resolve over a ledger with one sent invoice and one unknown refund."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from gateway import audit
from gateway.engine import ledger, mirror
from gateway.engine.circuit import open_circuit
from gateway.engine.database import transaction
from gateway.records import Plan, SourceRef, Status, Upsert
from gateway.sealing import Sealer
from tests.cli.conftest import ORG, Installation

SENT, LOST = "act_01K9ZAAAAAAAAAAAAAAAAAAAAA", "act_01K9ZBBBBBBBBBBBBBBBBBBBBB"
RECORD = "0065g00000AbCdEAAV"
USER = "0055g00000AbCdEAAV"


@pytest.fixture
def worked(migrated: Installation) -> Installation:
    sealer = Sealer({"k1": bytes(32)}, "k1", bytes(32))
    with transaction(migrated.url) as conn:
        send_invoice(conn, sealer)
        lose_refund(conn, sealer)
    return migrated


def send_invoice(conn: Connection, sealer: Sealer) -> None:
    new = ledger.NewAction(
        SENT, ORG, "us", "send-invoice", "Opportunity", RECORD, USER, "person", "click-1", "f1", {"record_id": RECORD},
        expires=1_790_000_900.0,
    )  # fmt: skip
    ledger.insert(conn, sealer, new, 1_790_000_000.0)
    plan = Plan("send-invoice", "us", (), {}, {}, "invoice")
    stored = ledger.StoredPlan("us", {"steps": []}, "c", 1, 120_050, "usd", None)
    ledger.store_plan(conn, sealer, SENT, stored, 1_790_000_000.1)
    row = ledger.StepRow(
        SENT,
        0,
        1,
        "invoice",
        "done",
        "gw-key",
        "in_1Acme",
        "req_1Acme",
        200,
        None,
        1,
        None,
        1_790_000_000.2,
        1_790_000_000.3,
    )
    ledger.journal(conn, row)
    answer = {"success": True, "status": "succeeded", "stripe_id": "in_1Acme", "url": "https://invoice.stripe.com/i/1"}
    ledger.end(conn, SENT, Status.SUCCEEDED, answer | {"user_message": f"Invoice sent. {plan.action}"}, 1_790_000_001.0)
    upsert = Upsert("Stripe_Invoice__c", "us:in_1Acme", {"Status__c": "Open"}, SourceRef("Opportunity", RECORD))
    mirror.merge(conn, sealer, ORG, [upsert], number=1, now=1_790_000_001.0, priority=0)
    audit.record(conn, org=ORG, actor=USER, act="action.accepted", ref=SENT, at=1_790_000_000.0)


def lose_refund(conn: Connection, sealer: Sealer) -> None:
    new = ledger.NewAction(
        LOST, ORG, "us", "refund-payment", "Opportunity", RECORD, USER, "person", "click-2", "f2", {"record_id": RECORD}
    )
    ledger.insert(conn, sealer, new, 1_790_000_100.0)
    answer = {
        "success": False,
        "status": "unknown",
        "error_code": "outcome_unknown",
        "amount": "75.00",
        "currency": "USD",
    }
    ledger.end(conn, LOST, Status.UNKNOWN, answer, 1_790_000_130.0)


def test_the_list_shows_the_newest_first_with_amount_and_state(worked: Installation) -> None:
    result = worked.run("actions", "list")

    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if "act_" in line]
    assert [line.split()[1] for line in lines] == [LOST, SENT]
    assert "75.00 USD" in lines[0]  # of its answer: nothing was planned
    assert "1200.50 USD" in lines[1]
    assert "succeeded" in lines[1]
    assert "acme" in lines[1]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--status", "unknown"], [LOST]),
        (["--name", "send-invoice"], [SENT]),
        (["--record", RECORD[:15]], [LOST, SENT]),
        (["--record", "0065g00000XxXxX"], []),
        (["--org", "acme", "--limit", "1"], [LOST]),
        (["--before", "2"], [SENT]),
    ],
)
def test_the_list_is_filtered(worked: Installation, filters: list[str], found: list[str]) -> None:
    shown = worked.json("actions", "list", *filters)

    assert [each["id"] for each in shown["actions"]] == found


def test_the_list_says_which_upstreams_its_actions_wait_for(worked: Installation) -> None:
    with transaction(worked.url) as conn:
        open_circuit(conn, "stripe:us", "stripe_unreachable", "Stripe cannot be reached.")

    text = worked.run("actions", "list").stdout
    [circuit] = worked.json("actions", "list")["circuits"]

    assert "stripe:us is not available since" in text
    assert "Stripe cannot be reached." in text
    assert (circuit["scope"], circuit["error_code"]) == ("stripe:us", "stripe_unreachable")


def test_an_org_that_is_not_configured_is_named(worked: Installation) -> None:
    result = worked.run("actions", "list", "--org", "acne")

    assert result.exit_code == 2
    assert "acme" in result.stderr


@pytest.mark.parametrize(
    ("filters", "words"),
    [(("--record", "xyz"), "--record xyz"), (("--name", "foo"), "send-invoice"), (("--status", "lost"), "succeeded")],
)
def test_a_filter_that_fits_nothing_that_exists_is_wrong_usage(
    worked: Installation, filters: tuple[str, str], words: str
) -> None:
    result = worked.run("actions", "list", *filters)

    assert result.exit_code == 2
    assert words in result.stderr


def test_one_action_shows_who_asked_and_what_was_answered(worked: Installation) -> None:
    result = worked.run("actions", "show", SENT)

    assert "send-invoice" in result.stdout
    assert USER in result.stdout
    assert "Invoice sent." in result.stdout
    assert "expires" not in result.stdout
    assert worked.json("actions", "show", SENT)["envelope"]["stripe_id"] == "in_1Acme"


def test_the_trace_has_steps_write_back_and_audit(worked: Installation) -> None:
    text = worked.run("actions", "trace", SENT).stdout
    shown = worked.json("actions", "trace", SENT)

    assert "req_1Acme" in text
    [step] = shown["steps"]
    assert (step["name"], step["state"], step["sent"]) == ("invoice", "done", "2026-09-21T14:13:20Z")
    [row] = shown["write_back"]
    assert (row["key"], row["version"], row["written"]) == ("us:in_1Acme", 1, 0)
    [entry] = shown["audit"]
    assert (entry["act"], entry["actor"]) == ("action.accepted", USER)


def test_no_command_shows_what_is_sealed(worked: Installation) -> None:
    for name in ("show", "trace"):
        shown = worked.json("actions", name, SENT)

        assert "body" not in shown
        assert "plan" not in shown


def test_an_action_that_is_not_there_is_exit_code_3(worked: Installation) -> None:
    result = worked.run("actions", "show", "act_nothing", "--json")

    assert result.exit_code == 3
    assert '"code": "not_found"' in result.stdout


def test_only_an_unknown_outcome_can_be_resolved(worked: Installation) -> None:
    result = worked.run("actions", "resolve", SENT, "--happened", "--reason", "seen in the dashboard", "--yes")

    assert result.exit_code == 5
    assert "succeeded" in result.stderr


def test_resolving_asks_first_and_a_script_must_say_yes(worked: Installation) -> None:
    result = worked.run("actions", "resolve", LOST, "--did-not-happen", "--reason", "seen in the dashboard")

    assert result.exit_code == 5
    assert "--yes" in result.stderr


def test_a_database_without_tables_is_a_message(installation: Installation) -> None:
    result = installation.run("actions", "list")

    assert result.exit_code in {2, 4}
    assert "Traceback" not in result.output
    assert "gateway db migrate" in result.stderr
