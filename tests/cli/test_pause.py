"""pause, resume, paused: one transaction each, on record, and shown wherever an operator looks."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from gateway.engine.database import transaction
from gateway.engine.entering import Job, enter_queued
from gateway.engine.ledger import NewAction, insert
from gateway.engine.schema import audit, job
from gateway.sealing import Sealer
from tests.cli.conftest import ORG, Installation

AT = 1_790_000_000.0


@pytest.mark.parametrize(
    ("option", "name", "scope"),
    [
        ("--org", "acme", f"org:{ORG}"),
        ("--entity", "us", "entity:us"),
        ("--action", "refund-payment", "action:refund-payment"),
    ],
)
def test_each_can_be_paused_listed_and_resumed(migrated: Installation, option: str, name: str, scope: str) -> None:
    paused = migrated.run("pause", option, name, "--reason", "month end")
    [listed] = migrated.json("paused")["paused"]
    resumed = migrated.json("resume", option, name)

    assert paused.exit_code == 0
    assert (listed["scope"], listed["name"], listed["reason"], listed["held"]) == (scope, name, "month end", 0)
    assert listed["actor"].startswith("cli:")
    assert (resumed["resumed"]["scope"], resumed["released"]) == (scope, 0)
    assert migrated.json("paused") == {"paused": []}
    assert "nothing is paused" in migrated.run("paused").stdout


def test_both_are_on_record_with_who_and_why(migrated: Installation) -> None:
    migrated.run("pause", "--org", "acme", "--reason", "month end")
    migrated.run("resume", "--org", "acme", "--reason", "closed")

    with transaction(migrated.url, readonly=True) as conn:
        rows = conn.execute(
            sa.select(audit.c.act, audit.c.org, audit.c.ref, audit.c.detail).order_by(audit.c.seq)
        ).all()
    assert [(row.act, row.org, row.ref, json.loads(row.detail)["reason"]) for row in rows] == [
        ("pause.begun", ORG, f"org:{ORG}", "month end"),
        ("pause.ended", ORG, f"org:{ORG}", "closed"),
    ]


def test_resuming_what_is_not_paused_is_exit_code_3(migrated: Installation) -> None:
    result = migrated.run("resume", "--entity", "us")

    assert result.exit_code == 3
    assert "entity us is not paused" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--org", "acme", "--entity", "us"],
        ["--org", "nobody"],
        ["--entity", "nowhere"],
        ["--action", "send-money"],
        ["--org", "acme", "--reason", "two\nlines"],
        ["--org", "acme", "--reason", "x" * 201],
    ],
)
def test_what_to_pause_must_be_one_thing_that_exists(migrated: Installation, arguments: list[str]) -> None:
    assert migrated.run("pause", *arguments).exit_code == 2
    assert migrated.json("paused") == {"paused": []}


def test_what_has_left_the_configuration_can_still_be_resumed(migrated: Installation) -> None:
    migrated.run("pause", "--entity", "us")
    text = migrated.file.read_text().replace("entities.us", "entities.de").replace('"us"', '"de"')
    migrated.file.write_text(text)

    assert migrated.json("resume", "--entity", "us")["released"] == 0


@pytest.fixture
def resting(migrated: Installation) -> Installation:
    """An action that rests for a pause of its kind."""
    migrated.run("pause", "--action", "send-invoice", "--reason", "month end")
    sealer = Sealer({"k1": bytes(32)}, "k1", bytes(32))
    new = NewAction(
        "act_1", ORG, "us", "send-invoice", "Opportunity", "0065g00000AbCdEAAV", "sub", "automation", None, "mark", {}
    )
    with transaction(migrated.url) as conn:
        insert(conn, sealer, new, AT)
        enter_queued(conn, Job("act_1", "action", "lane", state="held"), AT)
        conn.execute(sa.update(job).values(paused_by="action:send-invoice"))
    return migrated


def test_an_action_that_rests_says_why(resting: Installation) -> None:
    shown = resting.run("actions", "show", "act_1").stdout
    listed = resting.run("actions", "list").stdout

    assert "paused by the operator (action:send-invoice)" in shown
    assert resting.json("actions", "show", "act_1")["job"]["paused_by"] == "action:send-invoice"
    assert "action:send-invoice is paused by cli:" in listed
    assert resting.json("actions", "list")["paused"][0]["held"] == 1


def test_doctor_reminds_of_what_is_paused(resting: Installation) -> None:
    findings = resting.json("doctor")["findings"]

    [finding] = [each for each in findings if each["subject"] == "paused"]
    assert finding["level"] == "warn"
    assert "month end; 1 wait" in finding["text"]
