"""The registration is what the command writes, and the checks of it bite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from tests.metadata import check_external_services
from tests.metadata.seeding import TREE, changed
from tests.metadata.tree import ROOT, Component, Tree, load, read

FILE = "externalServiceRegistrations/Stripe_Gateway.externalServiceRegistration-meta.xml"
COMMITTED = f"optional/external-services/{FILE}"


def written(folder: Path, *more: str) -> str:
    result = CliRunner().invoke(app, ["salesforce", "external-service", "--out", str(folder), *more])
    assert result.exit_code == 0, result.output
    return (folder / FILE).read_text(encoding="utf-8")


def test_the_registration_is_the_one_the_command_writes(tmp_path: Path) -> None:
    committed = (ROOT / COMMITTED).read_text(encoding="utf-8")

    again = "run: gateway salesforce external-service --out salesforce_metadata/optional/external-services"
    assert written(tmp_path) == committed, again


def test_another_named_credential_can_be_named(tmp_path: Path) -> None:
    written(tmp_path, "--named-credential", "Stripe_Gateway_Automation")

    [registration] = load(tmp_path).of("ExternalServiceRegistration")
    assert registration.text("namedCredential") == "Stripe_Gateway_Automation"


def test_refunds_are_registered_only_where_somebody_asks_for_them(tmp_path: Path) -> None:
    without = read(Path(COMMITTED), written(tmp_path / "without"))
    with_them = read(Path(COMMITTED), written(tmp_path / "with", "--with-refunds"))

    usual, more = ({row["name"] for row in each.rows("operations")} for each in (without, with_them))
    assert more - usual == {"refundPayment", "previewRefundPayment"}
    assert "refund" not in json.dumps(json.loads(without.text("schema"))["paths"]).lower()
    assert check_external_services.findings(TREE.altered(COMMITTED, with_them)) == [
        f"external service Stripe_Gateway: operation {name} gives money back and asks no permission"
        for name in ("previewRefundPayment", "refundPayment")
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<namedCredential>Stripe_Gateway<", "<namedCredential>Stripe<", "named credential Stripe does not exist"),
        ("<status>Complete<", "<status>Incomplete<", "status is not Complete"),
        ("<schemaType>OpenApi<", "<schemaType>OpenApi3<", "schemaType is not OpenApi"),
        ("<schema>{", "<schema>", "is not JSON"),
        ("<name>sendInvoice<", "<name>sendInvoices<", "operation sendInvoices is not in its schema"),
        ("<name>sendInvoice<", "<name>sendInvoices<", "operation sendInvoice is not active"),
        ('"openapi": "3.0.3"', '"openapi": "3.1.0"', "is not 3.0"),
        ('"operationId": "readAction"', '"operationId": "read-action"', "no name for Apex"),
    ],
)
def test_a_defect_in_the_registration_is_found(old: str, new: str, words: str) -> None:
    assert [finding for finding in check_external_services.findings(changed(COMMITTED, old, new)) if words in finding]


def test_without_the_credentials_it_calls_nobody() -> None:
    def needed(component: Component) -> bool:
        return component.kind != "NamedCredential"

    alone = Tree(tuple(filter(needed, TREE.components)), TREE.texts)

    assert check_external_services.findings(alone) == [
        "external service Stripe_Gateway: named credential Stripe_Gateway does not exist"
    ]
