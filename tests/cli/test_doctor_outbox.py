"""doctor on what Salesforce asks for: outbox rows nobody will read, permissions, and objects of the customer's own."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli.salesforce_package import PROJECT
from gateway.engine.database import transaction
from gateway.engine.settings import put_setting
from gateway.pipeline.outbox import FIRST_SEEN
from gateway.projections.rows import POINTING
from gateway.sandbox.identity import ORG, Identity
from gateway.sandbox.processes import free_port
from gateway.sandbox.salesforce.app import create_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import Server
from tests.support.own_object import metadata_with_projects

Doctor = Callable[..., dict[str, Any]]
ROW = {"Action__c": "send-invoice", "Source_Record_Id__c": "0065g00000AbCdEAAV", "Status__c": "queued"}
INTEGRATION = "main/core/permissionsets/Stripe_Gateway_Integration.permissionset-meta.xml"
CORE = '["Account", "Contact", "Opportunity", "Case"'


@pytest.fixture
def doctor(tmp_path: Path, sqlite_url: str) -> Iterator[Doctor]:
    """Run it for an org that is made for it, after ``rows`` were inserted; findings by what was looked at."""
    identity = Identity()
    with contextlib.ExitStack() as running:

        def run(*, rows: int = 0, objects: str = f"{CORE}]", mappings: str = "", **world: Any) -> dict[str, Any]:
            url = f"http://127.0.0.1:{(port := free_port())}"
            file = identity.write_salesforce(
                tmp_path, gateway="http://127.0.0.1:9", audience=url, profile="plain", features=[]
            )
            file.write_text(json.dumps({**json.loads(file.read_text()), **world}))
            running.enter_context(Server(create_app(SalesforceWorld.load(file)), port))
            for _ in range(rows):
                told = {"sobject": "Stripe_Action__c", "fields": ROW}
                requests.post(f"{url}/_control/records", json=told, timeout=30).raise_for_status()
            config = identity.write_gateway(
                tmp_path, port=0, stripe="http://127.0.0.1:9", salesforce=url, database=sqlite_url
            )
            text = config.read_text().replace("[orgs.northwind]", f"[orgs.northwind]\nobjects = {objects}")
            config.write_text(f"{text}\n{mappings}")
            options = ["doctor", "--only", "northwind", "--config", str(config), "--json"]
            shown = json.loads(CliRunner().invoke(app, options).stdout)
            return {finding["check"]: finding for finding in shown["findings"]}

        yield run


def first_seen(url: str, at: float) -> None:
    with transaction(url) as conn:
        put_setting(conn, FIRST_SEEN + ORG, str(at))


def spoilt(tmp_path: Path, file: str, old: str, new: str) -> str:
    tree = tmp_path / "spoilt"
    shutil.copytree(PROJECT, tree)
    text = (tree / file).read_text()
    assert old in text
    (tree / file).write_text(text.replace(old, new))
    return str(tree)


def test_an_outbox_that_works_is_told_so(doctor: Doctor, sqlite_url: str) -> None:
    before = doctor(rows=1)["outbox"]
    first_seen(sqlite_url, time.time())
    after = doctor(rows=1)["outbox"]

    assert (before["level"], after["level"]) == ("ok", "ok")
    assert "has not run" in before["text"]
    assert "read and answered" in after["text"]


def test_rows_older_than_the_first_sight_of_the_org_are_named_with_what_to_do(doctor: Doctor, sqlite_url: str) -> None:
    first_seen(sqlite_url, time.time() + 3600)

    finding = doctor(rows=2)["outbox"]

    assert finding["level"] == "warn"
    assert finding["text"].startswith("2 queued rows are older")
    assert "left alone" in finding["text"]
    assert "delete them" in finding["fix"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "<field>Stripe_Action__c.Lines_Json__c</field>\n        <readable>true",
            "<field>Stripe_Action__c.Lines_Json__c</field>\n        <readable>false",
            "Lines_Json__c missing or hidden",
        ),
        (
            "<editable>true</editable>\n        <field>Stripe_Action__c.Status__c<",
            "<editable>false</editable>\n        <field>Stripe_Action__c.Status__c<",
            "may not edit Status__c",
        ),
    ],
)
def test_a_permission_the_outbox_needs_is_missed(
    doctor: Doctor, tmp_path: Path, old: str, new: str, words: str
) -> None:
    finding = doctor(metadata=spoilt(tmp_path, INTEGRATION, old, new))["outbox"]

    assert finding["level"] == "fail"
    assert words in finding["text"]
    assert "Stripe Gateway Integration" in finding["fix"]


def test_an_org_without_the_object_cannot_be_asked(doctor: Doctor) -> None:
    finding = doctor(packages=[])["outbox"]

    assert finding["level"] == "fail"
    assert "rows cannot be read" in finding["text"]


OWN = f'{CORE}, "Project__c"]'
MAPPED = '[mappings.Project__c]\nlookup = "Project__c"'


def test_an_object_of_ones_own_is_sound_with_stamp_and_lookups(doctor: Doctor, tmp_path: Path) -> None:
    tree = metadata_with_projects(tmp_path)

    found = doctor(objects=OWN, mappings=MAPPED, metadata=str(tree), fls="off")

    assert (found["Project__c"]["level"], found["Project__c lookup"]["level"]) == ("ok", "ok")


def test_a_lookup_that_is_missing_names_where(doctor: Doctor, tmp_path: Path) -> None:
    tree = metadata_with_projects(tmp_path, lookups=POINTING[:-1])

    finding = doctor(objects=OWN, mappings=MAPPED, metadata=str(tree), fls="off")["Project__c lookup"]

    assert finding["level"] == "fail"
    assert finding["text"] == f"{POINTING[-1]}.Project__c is missing or hidden"
    assert "make Project__c a lookup to Project__c" in finding["fix"]


def test_an_object_of_ones_own_without_a_lookup_is_a_warning(doctor: Doctor, tmp_path: Path) -> None:
    tree = metadata_with_projects(tmp_path, lookups=())

    finding = doctor(objects=OWN, metadata=str(tree), fls="off")["Project__c lookup"]

    assert finding["level"] == "warn"
    assert "mappings.Project__c.lookup" in finding["fix"]


def test_an_object_of_ones_own_without_the_stamp_is_told_which_fields(doctor: Doctor, tmp_path: Path) -> None:
    tree = metadata_with_projects(tmp_path)
    (tree / "main/core/objects/Project__c/fields/Stripe_Status__c.field-meta.xml").unlink()

    finding = doctor(objects=OWN, mappings=MAPPED, metadata=str(tree), fls="off")["Project__c"]

    assert finding["level"] == "fail"
    assert "Stripe_Status__c" in finding["text"]
    assert "an object of your own" in finding["fix"]
