"""dead list and replay, audit verify: jobs that gave up and rows that Salesforce refused."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from gateway import audit
from gateway.engine import mirror
from gateway.engine.database import transaction
from gateway.engine.entering import Job, enter_queued
from gateway.engine.schema import audit as audit_table
from gateway.engine.schema import job as job_table
from gateway.engine.schema import mirror as mirror_table
from gateway.records import SourceRef, Upsert
from gateway.sealing import Sealer
from tests.cli.conftest import ORG, Installation

ROW = f"row:{ORG}/Stripe_Invoice__c/us:in_1Acme"


@pytest.fixture
def buried(migrated: Installation) -> Installation:
    sealer = Sealer({"k1": bytes(32)}, "k1", bytes(32))
    upsert = Upsert(
        "Stripe_Invoice__c", "us:in_1Acme", {"Status__c": "Open"}, SourceRef("Opportunity", "0065g00000AbCdEAAV")
    )
    died = {"state": "dead", "attempts": 7}
    with transaction(migrated.url) as conn:
        for n in range(3):
            enter_queued(conn, Job(f"refresh:{n}", "refresh", f"stripe:us:in_{n}"), 1_790_000_000.0)
        conn.execute(
            sa.update(job_table).values(**died, error_code="permission_missing", error="may not read invoices")
        )
        mirror.merge(conn, sealer, ORG, [upsert], number=1, now=1_790_000_000.0, priority=0)
        conn.execute(
            sa.update(mirror_table).values(**died, error_code="FIELD_CUSTOM_VALIDATION_EXCEPTION", error="Closed.")
        )
    return migrated


def states(installation: Installation) -> dict[str, str]:
    with transaction(installation.url, readonly=True) as conn:
        jobs = {row.id: row.state for row in conn.execute(sa.select(job_table.c.id, job_table.c.state))}
        return jobs | {"row": conn.execute(sa.select(mirror_table.c.state)).scalar_one()}


def test_causes_come_first_and_then_the_letters(buried: Installation) -> None:
    text = buried.run("dead", "list").stdout
    shown = buried.json("dead", "list")

    assert "permission_missing" in text
    assert [(group["error_code"], group["count"]) for group in shown["groups"]] == [
        ("permission_missing", 3),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 1),
    ]
    assert {letter["id"] for letter in shown["letters"]} == {"refresh:0", "refresh:1", "refresh:2", ROW}


def test_nothing_dead_is_said_plainly(migrated: Installation) -> None:
    assert "no dead letters" in migrated.run("dead", "list").stdout


def test_replaying_one_leaves_the_others(buried: Installation) -> None:
    result = buried.run("dead", "replay", "refresh:1", "--yes")

    assert result.exit_code == 0
    assert states(buried) == {"refresh:0": "dead", "refresh:1": "ready", "refresh:2": "dead", "row": "dead"}


def test_a_replay_keeps_the_attempts_used_and_has_them_on_record(buried: Installation) -> None:
    buried.run("dead", "replay", "refresh:1", ROW, "--yes")

    with transaction(buried.url, readonly=True) as conn:
        assert conn.execute(sa.select(job_table.c.attempts).where(job_table.c.id == "refresh:1")).scalar_one() == 7
        assert conn.execute(sa.select(mirror_table.c.attempts)).scalar_one() == 7
        details = {row.ref: row.detail for row in conn.execute(sa.select(audit_table.c.ref, audit_table.c.detail))}
    assert json.loads(details["refresh:1"]) == {"attempts": 7}


def test_what_waits_for_its_next_attempt_can_be_told_to_make_it_now(buried: Installation) -> None:
    with transaction(buried.url) as conn:
        waiting = {"state": "waiting", "due": 1_790_003_600.0}
        conn.execute(sa.update(job_table).where(job_table.c.id == "refresh:1").values(waiting))

    result = buried.run("dead", "replay", "refresh:1", "--yes")

    assert result.exit_code == 0
    assert states(buried)["refresh:1"] == "waiting"
    with transaction(buried.url, readonly=True) as conn:
        assert conn.execute(sa.select(job_table.c.due).where(job_table.c.id == "refresh:1")).scalar_one() == 0.0


def test_replaying_a_cause_takes_all_of_it(buried: Installation) -> None:
    shown = buried.json("dead", "replay", "--code", "permission_missing", "--yes")

    assert shown["replayed"] == ["refresh:0", "refresh:1", "refresh:2"]
    assert states(buried)["row"] == "dead"


def test_a_refused_row_is_written_again_and_its_sender_is_woken(buried: Installation) -> None:
    buried.run("dead", "replay", ROW, "--yes")

    found = states(buried)
    assert found["row"] == "dirty"
    assert found[f"sender:{ORG}"] == "ready"


def test_a_dry_run_changes_nothing(buried: Installation) -> None:
    shown = buried.json("dead", "replay", "--all", "--dry-run")

    assert len(shown["would_replay"]) == 4
    assert set(states(buried).values()) == {"dead"}


KEY = b"signing-key-of-32-bytes-abcdefgh"


def sealed(installation: Installation, *, in_between: str) -> audit.Notary:
    """What a running gateway does beside the command line."""
    notary = audit.Notary(KEY)
    with transaction(installation.url) as conn:
        notary.remember(notary.begin(conn, [ORG], 1_790_000_000.0))
    installation.run("dead", "replay", in_between, "--yes")
    with transaction(installation.url) as conn:
        notary.remember(notary.seal(conn, 1_790_000_000.0))
    return notary


def test_a_replay_is_on_record_and_the_record_is_verifiable(buried: Installation) -> None:
    notary = sealed(buried, in_between=ROW)

    with transaction(buried.url) as conn:
        [entry] = conn.execute(sa.select(audit_table)).all()
    assert (entry.act, entry.ref) == ("dead.replayed", ROW)
    assert entry.actor.startswith("cli:")
    head = str(notary.heads[ORG])
    assert buried.json("audit", "verify", "--head", head) == {"ok": True, "problems": []}
    assert "logged" in buried.run("audit", "verify", "--head", head.replace(":1:", ":2:")).stdout
    assert buried.run("audit", "verify", "--head", "yesterday's").exit_code == 2


def test_a_changed_audit_log_is_found(buried: Installation) -> None:
    sealed(buried, in_between=ROW)
    with transaction(buried.url) as conn:
        conn.execute(sa.update(audit_table).values(actor="somebody else"))

    result = buried.run("audit", "verify")

    assert result.exit_code == 1
    assert "changed" in result.stdout


def test_replaying_what_is_not_dead_is_exit_code_3(buried: Installation) -> None:
    result = buried.run("dead", "replay", "refresh:99", "--yes")

    assert result.exit_code == 3
    assert "refresh:99" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--all", "--code", "x"], ["refresh:1", "--all"]])
def test_what_to_replay_must_be_said_in_exactly_one_way(buried: Installation, arguments: list[str]) -> None:
    assert buried.run("dead", "replay", *arguments, "--yes").exit_code == 2
