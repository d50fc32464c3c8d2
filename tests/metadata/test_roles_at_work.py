"""The shipped permission sets, lived: a simulated org reads them and refuses people what they refuse."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.sandbox.salesforce.app import create_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import Server
from tests.metadata.tree import ROOT
from tests.support.salesforce_org import USERS, World, world_json

ROLES = {
    "sally": ["Stripe_Gateway_Rep"],
    "ravi": ["Stripe_Gateway_Refunds"],
    "fay": ["Stripe_Gateway_Finance"],
    "adam": ["Stripe_Gateway_Admin"],
    "case": ["Stripe_Gateway_Examples"],
    "approver": ["Stripe_Gateway_Examples", "Stripe_Gateway_Refunds"],
}
PEOPLE = [
    {"id": f"005Ws00000{name[:4].title():0<5}", "username": name, "name": name, "permission_sets": sets}
    for name, sets in ROLES.items()
]
SEND = {"Action__c": "send-invoice", "Source_Record_Id__c": "006Ws000000001AAA", "Po_Number__c": "PO 7"}
REFUND = {"Action__c": "refund-payment", "Source_Record_Id__c": "500Ws000000001AAA", "Payment_Id__c": "pi_1"}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    tree = tmp_path_factory.mktemp("metadata")
    (tree / "main").mkdir()
    for package in [*(ROOT / "main").iterdir(), ROOT / "examples"]:  # this org has deployed the examples too
        (tree / "main" / package.name).symlink_to(package)
    with Server(create_app(SalesforceWorld.from_json(world_of(tree)))) as server:
        yield World(server.url)


def world_of(tree: Path) -> dict[str, object]:
    return {**world_json(), "metadata": str(tree), "users": [*USERS, *PEOPLE]}


@pytest.fixture
def org(started: World) -> World:
    started.control("reset", {})
    return started


def code(answer) -> str | int:
    return answer.json()[0]["errorCode"] if answer.status_code >= 400 else answer.status_code


def message(answer) -> str:
    return answer.json()[0]["message"] if answer.status_code >= 400 else ""


def insert(org: World, user: str, fields: dict[str, str]):
    return org.call("POST", "sobjects/Stripe_Action__c", fields, user=user)


@pytest.mark.parametrize(
    ("user", "fields", "outcome"),
    [
        ("sally", SEND, 201),
        ("sally", REFUND, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("ravi", REFUND, 201),
        ("ravi", SEND, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("fay", SEND, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
        ("adam", SEND, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
        ("rep@northwind.example", SEND, "NOT_FOUND"),
    ],
)
def test_only_who_may_bill_asks_for_a_bill_and_only_who_may_refund_for_a_refund(org, user, fields, outcome):
    assert code(insert(org, user, fields)) == outcome


def test_whoever_may_only_bill_refunds_nothing_through_the_free_options_either(org):
    free = {"Action__c": "refund-payment", "Source_Record_Id__c": SEND["Source_Record_Id__c"]}

    answer = insert(org, "sally", {**free, "Options_Json__c": '{"payment_intent": "pi_1"}'})

    assert "money back needs the permission Stripe Refund" in message(answer)


def test_who_asked_can_neither_change_nor_delete_nor_answer(org):
    insert(org, "sally", SEND)
    row = f"sobjects/Stripe_Action__c/{org.objects('Stripe_Action__c')[0]['Id']}"

    refused = [
        code(org.call("PATCH", row, {"Po_Number__c": "PO 8"}, user="sally")),
        code(org.call("DELETE", row, user="sally")),
        code(insert(org, "sally", {**SEND, "Status__c": "succeeded"})),
    ]

    assert refused == [
        "INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_OR_READONLY", "INVALID_FIELD_FOR_INSERT_UPDATE",
    ]  # fmt: skip


@pytest.mark.parametrize("user", ["sally", "ravi", "fay", "adam"])
def test_nobody_with_a_role_writes_an_invoice_or_a_stamp(org, user):
    opportunity = org.objects("Opportunity")[0]["Id"]
    invoice = {"Stripe_Id__c": "in_1", "Entity__c": "us"}

    answers = [
        org.call("PATCH", "sobjects/Stripe_Invoice__c/Stripe_Key__c/us:in_1", invoice, user=user),
        org.call("PATCH", f"sobjects/Opportunity/{opportunity}", {"Stripe_Status__c": "Paid"}, user=user),
    ]

    assert all(answer.status_code >= 400 for answer in answers)


def test_only_administration_and_finance_see_sync_issues(org):
    query = "query?q=SELECT Message__c FROM Stripe_Sync_Issue__c"

    seen = {user: org.call("GET", query, user=user).status_code for user in ("sally", "ravi", "fay", "adam")}

    assert seen == {"sally": 400, "ravi": 400, "fay": 200, "adam": 200}


def case(org: World) -> str:
    return f"sobjects/Case/{org.objects('Case')[0]['Id']}"


def test_only_who_may_refund_approves_a_refund(org):
    asked = org.call("PATCH", case(org), {"Refund_Approval__c": "Requested", "Refund_Amount__c": 5}, user="case")
    refused = org.call("PATCH", case(org), {"Refund_Approval__c": "Approved"}, user="case")
    approved = org.call("PATCH", case(org), {"Refund_Approval__c": "Approved"}, user="approver")

    assert (asked.status_code, approved.status_code) == (204, 204)
    assert "You may not approve refunds" in message(refused)


@pytest.mark.parametrize(
    "change",
    [
        {"Refund_Amount__c": 500},
        {"Refund_Payment_Id__c": "pi_other"},
        {"Refund_Approval__c": "Requested"},  # to be approved again, and paid again
        {"Refund_Approval__c": None},
    ],
)
def test_what_was_approved_can_no_longer_be_changed(org, change):
    org.call("PATCH", case(org), {"Refund_Approval__c": "Approved", "Refund_Amount__c": 5}, user="approver")

    refused = org.call("PATCH", case(org), change, user="approver")

    assert "can no longer be changed" in message(refused)


def test_an_approved_case_may_be_worked_on(org):
    org.call("PATCH", case(org), {"Refund_Approval__c": "Approved", "Refund_Amount__c": 5}, user="approver")

    again = {"Refund_Approval__c": "Approved", "Refund_Amount__c": 5, "Subject": "Refunded"}

    assert org.call("PATCH", case(org), again, user="approver").status_code == 204
