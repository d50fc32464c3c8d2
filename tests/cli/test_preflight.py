"""preflight against the simulated org: before and after the deployment, plain and hostile, with and without Quotes."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli.salesforce_package import NEEDS, PROJECT, folders
from gateway.sandbox.identity import Identity
from gateway.sandbox.processes import free_port
from gateway.sandbox.salesforce.app import create_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import Server

Preflight = Callable[..., dict[str, Any]]
NUMBER = "main/invoices/objects/Stripe_Invoice__c/fields/Number__c.field-meta.xml"


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()


@pytest.fixture
def preflight(tmp_path: Path, identity: Identity) -> Iterator[Preflight]:
    """Run it against an org that is made for it; the folders by name, and all that was said."""
    with contextlib.ExitStack() as running:

        def run(
            profile: str = "plain", features: tuple[str, ...] = ("quotes", "orders"), **world: Any
        ) -> dict[str, Any]:
            url = f"http://127.0.0.1:{(port := free_port())}"
            file = identity.write_salesforce(
                tmp_path, gateway="http://127.0.0.1:9", audience=url, profile=profile, features=list(features)
            )
            file.write_text(json.dumps({**json.loads(file.read_text()), **world}))
            running.enter_context(Server(create_app(SalesforceWorld.load(file)), port))
            config = identity.write_gateway(
                tmp_path, port=0, stripe="http://127.0.0.1:9", salesforce=url, database=f"sqlite:///{tmp_path}/x.db"
            )
            options = ["salesforce", "preflight", "--org", "northwind", "--config", str(config)]
            told = CliRunner().invoke(app, options, terminal_width=200)
            result = CliRunner().invoke(app, [*options, "--json"])
            shown = json.loads(result.stdout)
            by_name = {each["folder"]: each for each in shown["folders"]}
            return {**shown, "exit_code": result.exit_code, "by_name": by_name, "text": told.stdout}

        yield run


@pytest.mark.parametrize("profile", ["plain", "hostile"])
def test_an_org_with_everything_deployed_is_told_so(preflight: Preflight, profile: str) -> None:
    shown = preflight(profile)

    main, quotes = shown["by_name"]["main"], shown["by_name"]["optional/quotes"]
    assert (shown["exit_code"], shown["ok"]) == (0, True)
    assert (main["state"], main["missing"], main["older"], main["taken"]) == ("deployed", [], [], [])
    assert quotes["fits"] is (profile == "plain")
    assert "optional/orders" in shown["text"]


def test_an_org_before_the_deployment_lacks_everything_and_nothing_is_in_the_way(preflight: Preflight) -> None:
    shown = preflight(packages=[])

    main = shown["by_name"]["main"]
    assert (shown["exit_code"], main["fits"], main["state"], main["present"]) == (0, True, "not deployed", 0)
    assert main["of"] == len(main["missing"]) > 200


def test_what_is_not_switched_on_does_not_fit_and_says_what_it_needs(preflight: Preflight) -> None:
    shown = preflight(features=("orders",))

    orders, quotes = shown["by_name"]["optional/orders"], shown["by_name"]["optional/quotes"]
    assert (orders["fits"], quotes["fits"], quotes["state"]) == (True, False, "not deployed")
    assert quotes["needs"] == "Quote: not there, or hidden from the user"
    assert shown["exit_code"] == 0


def test_half_a_deployment_names_what_is_missing(preflight: Preflight) -> None:
    shown = preflight(packages=["core", "customers"], features=())

    main = shown["by_name"]["main"]
    assert main["state"] == "partly deployed"
    assert "Stripe_Invoice__c.Number__c" in main["missing"]
    assert "Stripe_Action__c.Action__c" not in main["missing"]


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        (
            "<type>Text</type>",
            "<type>Number</type><precision>18</precision><scale>0</scale>",
            "taken",
            "is double there",
        ),
        ("<length>80</length>", "<length>40</length>", "older", "holds 40 characters, ours 80"),
    ],
)
def test_a_name_that_is_something_else_is_taken_and_an_older_one_of_ours_is_not(
    preflight: Preflight, tmp_path: Path, old: str, new: str, kind: str, words: str
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(PROJECT, theirs)
    text = (theirs / NUMBER).read_text()
    assert old in text
    changed = text.replace(old, new)
    (theirs / NUMBER).write_text(changed.replace("<length>80</length>", "") if "Number</type>" in new else changed)

    shown = preflight(metadata=str(theirs))

    main = shown["by_name"]["main"]
    assert [each for each in main[kind] if each.startswith("Stripe_Invoice__c.Number__c") and words in each]
    assert shown["exit_code"] == (1 if kind == "taken" else 0)
    assert words in shown["text"]


def test_what_describe_cannot_tell_is_said_and_not_guessed(preflight: Preflight) -> None:
    shown = preflight(features=("multi_currency", "person_accounts"))

    assert shown["features"] == ["several currencies", "person accounts"]
    assert shown["by_name"]["optional/external-services"]["fits"] is None
    assert "named credential" in shown["by_name"]["optional/external-services"]["needs"]
    assert "dry-run" in shown["text"]


def test_every_folder_without_objects_says_what_it_needs() -> None:
    bare = {folder.path for folder in folders(PROJECT) if not folder.objects}

    assert bare == set(NEEDS)
    assert {folder.path: folder.needs for folder in folders(PROJECT)}["optional/quotes"] == ["Quote"]


def test_an_org_that_is_not_configured_and_a_folder_that_is_not_there_are_wrong_usage(
    tmp_path: Path, identity: Identity
) -> None:
    config = identity.write_gateway(
        tmp_path, port=0, stripe="http://127.0.0.1:9", salesforce="http://127.0.0.1:9", database="sqlite:///x.db"
    )
    command = ["salesforce", "preflight", "--config", str(config)]

    stranger = CliRunner().invoke(app, [*command, "--org", "acme"])
    elsewhere = CliRunner().invoke(app, [*command, "--org", "northwind", "--metadata", str(tmp_path)])

    assert (stranger.exit_code, elsewhere.exit_code) == (2, 2)
    assert "northwind" in stranger.stderr
    assert "--metadata" in elsewhere.stderr
