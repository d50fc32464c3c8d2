"""The shipped rules, evaluated: the simulated org reads these very files and refuses what they refuse."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.projections import Snapshot, project, registry
from gateway.projections.action import ActionFacts
from gateway.projections.action import project as project_action
from gateway.projections.roll_up import roll_up
from gateway.projections.sync_issue import IssueFacts
from gateway.projections.sync_issue import project as project_issue
from gateway.records import Caller, Envelope, SourceRef, Upsert, dumps
from gateway.sandbox.salesforce.app import create_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import Server
from tests.projections.stripe_objects import stripe_object
from tests.support.salesforce_org import World, world_json

ADMIN = "admin@northwind.example"
GATEWAY = "gateway@northwind.example"
INVOICE = "sobjects/Stripe_Invoice__c/Stripe_Key__c/us:in_1SVCKaHOQNg4XnOMb5gkdwH2"


@pytest.fixture(scope="module")
def started() -> Iterator[World]:
    with Server(create_app(SalesforceWorld.from_json(world_json()))) as server:
        yield World(server.url)


@pytest.fixture
def org(started: World) -> World:
    started.control("reset", {})
    started.control("permission_sets", {"user": ADMIN, "add": ["Stripe_Gateway_Rep"]})
    return started


def opportunity(org: World) -> SourceRef:
    return SourceRef("Opportunity", org.objects("Opportunity")[0]["Id"])


def written(org: World, name: str, **changes: object) -> Upsert:
    lists = {"invoice_payments": [stripe_object("invoice_payment")]}
    snapshot = Snapshot("us", True, stripe_object(name, **changes), lists, opportunity(org))
    [row] = project(name, snapshot)
    return row


def save(org: World, row: Upsert, *, version: int = 1, user: str = GATEWAY) -> dict[str, object]:
    """Status and error codes of an upsert by external id, as the sender makes it."""
    path = f"sobjects/{row.sobject}/{row.id_field}/{row.key}"
    fields = row.fields if row.stamp else {**row.fields, "Sync_Version__c": version}
    return outcome(org, "PATCH", path, fields, user)


def outcome(org, method, path, fields, user):
    answer = org.call(method, path, json.loads(dumps(dict(fields))), user=user)
    errors = answer.json() if answer.status_code >= 400 else []
    return {"status": answer.status_code, "errors": [(error["errorCode"], error["message"]) for error in errors]}


def refused(result: dict[str, object], words: str) -> bool:
    return any(code == "FIELD_CUSTOM_VALIDATION_EXCEPTION" and words in message for code, message in result["errors"])


@pytest.mark.parametrize("name", registry())
def test_the_integration_user_may_write_every_row(org, name):
    assert save(org, written(org, name)) == {"status": 201, "errors": []}


def test_the_longest_texts_fit(org):
    long = written(
        org, "invoice", description="d" * 9000, customer_name="c" * 999, customer_email="e" * 999, number="n" * 999,
        last_finalization_error={"message": "m" * 9000}, hosted_invoice_url="https://invoice.stripe.com/" + "u" * 2000,
    )  # fmt: skip

    assert save(org, long)["errors"] == []


def test_an_action_and_an_issue_are_accepted(org):
    source, caller = opportunity(org), Caller("00D", "005Ws000001Rep1AAA", "person")
    answer = Envelope(
        success=False, status="failed", error_code="card_declined", user_message="m" * 9000, amount="12.50"
    )
    action = project_action(ActionFacts("act_1", "send-invoice", "failed", caller, 1.0, answer, source, ended=2.0))
    issue = project_issue(IssueFacts("drift", "Opportunity", source.record_id, 1.0, 2.0, "m", source=source))

    assert [save(org, action)["errors"], save(org, issue)["errors"]] == [[], []]


def test_the_stamp_is_accepted_from_the_gateway_and_from_nobody_else(org):
    source = opportunity(org)
    stamp = Upsert("Opportunity", source.record_id, roll_up([written(org, "invoice")], source), source, "Id")
    path = f"sobjects/Opportunity/{source.record_id}"

    ours = outcome(org, "PATCH", path, stamp.fields, GATEWAY)
    theirs = outcome(org, "PATCH", path, {"Stripe_Status__c": "Paid"}, ADMIN)
    other = outcome(org, "PATCH", path, {"NextStep": "Call"}, ADMIN)

    assert (ours["errors"], other["errors"]) == ([], [])
    assert refused(theirs, "written by the Stripe gateway only")


@pytest.mark.parametrize(
    ("field", "value"), [("Status__c", "Paid"), ("Total__c", 1), ("Hosted_Url__c", "https://evil"), ("Entity__c", "de")]
)
def test_not_even_an_administrator_changes_what_the_gateway_owns(org, field, value):
    save(org, written(org, "invoice"))

    assert refused(outcome(org, "PATCH", INVOICE, {field: value}, ADMIN), "Only the Stripe gateway writes")


def test_nobody_else_makes_an_invoice_up(org):
    assert refused(save(org, written(org, "invoice"), user=ADMIN), "Only the Stripe gateway writes")


def test_an_administrator_may_move_an_invoice_to_the_surviving_account(org):
    save(org, written(org, "invoice"))
    account = org.objects("Account")[0]["Id"]

    assert outcome(org, "PATCH", INVOICE, {"Account__c": account}, ADMIN)["errors"] == []


def test_a_late_write_cannot_undo_a_newer_one(org):
    newer, older = written(org, "invoice", status="paid"), written(org, "invoice")
    save(org, newer, version=7)

    late, same = save(org, older, version=6), save(org, newer, version=7)

    assert refused(late, "older than what the record already holds")
    assert same["errors"] == []
    assert org.objects("Stripe_Invoice__c")[0]["Status__c"] == "Paid"


def test_a_write_that_forgets_its_version_is_refused(org):
    save(org, written(org, "invoice"), version=7)

    assert refused(outcome(org, "PATCH", INVOICE, {"Sync_Version__c": None}, GATEWAY), "older than")


ASKED = {
    "Action__c": "send-invoice",
    "Source_Object__c": "Opportunity",
    "Requested_Amount__c": 12.5,
    "Lines_Json__c": "[]",
}


def ask(org, **changes):
    fields = {**ASKED, "Source_Record_Id__c": opportunity(org).record_id, **changes}
    return outcome(org, "POST", "sobjects/Stripe_Action__c", fields, ADMIN)


def test_a_person_asks_by_inserting_a_queued_row(org):
    assert ask(org)["status"] == 201
    assert org.objects("Stripe_Action__c")[0]["Status__c"] == "queued"


def hold(org, *names):
    """The administrator, whom no field permission holds back, with these permission sets only."""
    org.control("permission_sets", {"user": ADMIN, "remove": ["Stripe_Gateway_Rep"]})
    org.control("permission_sets", {"user": ADMIN, "add": list(names)})


MONEY_BACK = ["refund-payment", "refund-invoice", "create-credit-note"]
MONEY_IN = ["create-customer", "send-invoice", "create-payment-link", "void-invoice", "record-offline-payment"]


@pytest.mark.parametrize(
    ("held", "allowed"),
    [
        ((), []),
        (("Stripe_Gateway_Rep",), MONEY_IN),
        (("Stripe_Gateway_Refunds",), MONEY_BACK),
        (("Stripe_Gateway_Rep", "Stripe_Gateway_Refunds"), [*MONEY_BACK, *MONEY_IN]),
        (("Stripe_Gateway_Automation",), [*MONEY_BACK, *MONEY_IN]),
        (("Stripe_Gateway_Finance",), []),
    ],
)
def test_a_row_asks_for_no_more_than_the_button_would(org, held, allowed):
    hold(org, *held)

    told = {name: ask(org, Action__c=name) for name in [*MONEY_BACK, *MONEY_IN]}

    assert [name for name, result in told.items() if result["status"] == 201] == allowed
    assert all(refused(result, "You may not ask for this") for name, result in told.items() if name not in allowed)


def test_a_refund_does_not_slip_through_as_free_options(org):
    hold(org, "Stripe_Gateway_Rep")

    sent = ask(org, Action__c="refund-payment", Options_Json__c='{"payment_intent": "pi_1", "amount": "10"}')

    assert refused(sent, "money back needs the permission Stripe Refund")
    assert org.objects("Stripe_Action__c") == []


@pytest.mark.parametrize("missing", ["Action__c", "Source_Record_Id__c"])
def test_a_row_that_does_not_say_what_to_do_for_whom_is_refused(org, missing):
    assert refused(ask(org, **{missing: None}), "Choose an Action")


@pytest.mark.parametrize(
    "forged",
    [{"Status__c": "succeeded"}, {"Gateway_Action_Id__c": "act_9"}, {"Stripe_Id__c": "in_9"}, {"Caller__c": "005"}],
)
def test_an_answer_cannot_be_inserted_by_the_one_who_asks(org, forged):
    assert refused(ask(org, **forged), "Only the Stripe gateway writes the answer fields")


@pytest.mark.parametrize(
    "change",
    [{"Requested_Amount__c": 99}, {"Action__c": "refund-payment"}, {"Lines_Json__c": "[1]"}, {"Footer__c": "x"}],
)
def test_what_was_asked_for_cannot_be_changed_afterwards(org, change):
    ask(org)
    row = org.objects("Stripe_Action__c")[0]["Id"]

    assert refused(outcome(org, "PATCH", f"sobjects/Stripe_Action__c/{row}", change, ADMIN), "cannot be changed after")


@pytest.mark.parametrize(
    ("days", "status", "overdue", "bucket"),
    [(-3, "open", 0, "Not due"), (0, "open", 0, "Not due"), (1, "open", 1, "1-30 days"), (31, "open", 31, "31-60 days"),
     (90, "open", 90, "61-90 days"), (400, "open", 400, "Over 90 days"), (400, "paid", 0, None)],
)  # fmt: skip
def test_an_open_invoice_ages_by_its_due_date(org, days, status, overdue, bucket):
    due = datetime.now(UTC).replace(hour=12) - timedelta(days=days)
    save(org, written(org, "invoice", due_date=int(due.timestamp()), status=status))

    row = org.call("GET", INVOICE).json()

    assert (row["Days_Overdue__c"], row["Ageing_Bucket__c"] or None) == (overdue, bucket)
