import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.projections import roll_up as module
from gateway.projections.action import DONE_ALREADY, ActionFacts
from gateway.projections.action import project as project_action
from gateway.projections.roll_up import roll_up
from gateway.records import Caller, Envelope, SourceRef, Status, Upsert, dumps
from tests.projections.stripe_objects import OPPORTUNITY, projected, stripe_object

NEW_YEAR = 1764460800


def an_invoice(number, status="open", total=10000, paid=0, currency="usd", created=NEW_YEAR):
    payload = stripe_object(
        "invoice",
        id=f"in_{number}",
        number=f"INV-{number}",
        status=status,
        total=total,
        currency=currency,
        amount_paid=paid,
        amount_remaining=total - paid,
        created=created,
    )
    return projected("invoice", payload)


def a_payment(number, received=10000, currency="usd", invoice=None):
    payload = stripe_object("payment_intent", id=f"pi_{number}", amount_received=received, currency=currency)
    lists = {"invoice_payments": [{"invoice": invoice}] if invoice else []}
    return projected("payment_intent", payload, lists=lists)


def a_refund(number, amount=2500, status="succeeded", currency="usd", created=NEW_YEAR, **changes):
    payload = stripe_object(
        "refund", id=f"re_{number}", amount=amount, status=status, currency=currency, created=created
    )
    return projected("refund", payload | changes)


def a_link(number, active=True, action="act_1", count=0):
    restrictions = {"completed_sessions": {"count": count, "limit": 1}}
    payload = stripe_object("payment_link", id=f"plink_{number}", active=active, restrictions=restrictions)
    return projected(
        "payment_link", payload | {"metadata": {"gw_action_id": action}, "url": f"https://buy.stripe.com/{number}"}
    )


def an_action(
    number, status, kind="person", accepted=NEW_YEAR, code=None, message=None, name="send-invoice", stripe_id=None
):
    answer = Envelope(success=False, status=status, error_code=code, user_message=message, stripe_id=stripe_id)
    caller = Caller("00D", "005", kind)
    facts = ActionFacts(f"act_{number}", name, status, caller, accepted, answer, source=OPPORTUNITY)
    return project_action(facts)


def stored(row):
    """As the mirror gives it back: through JSON, money as text."""
    return Upsert(row.sobject, row.key, json.loads(dumps(dict(row.fields))), row.parent, row.id_field)


def test_nothing_at_stripe_clears_every_stamp_field():
    stamp = roll_up([], OPPORTUNITY)

    assert set(stamp.values()) == {None}


def test_a_sent_invoice_shows_number_link_and_what_is_owed():
    invoice = an_invoice(1, total=116640)

    stamp = roll_up([invoice, an_action(1, Status.SUCCEEDED)], OPPORTUNITY)

    assert stamp == {
        "Stripe_Status__c": "Invoice Open",
        "Stripe_Invoice_Number__c": "INV-1",
        "Stripe_Invoice_Status__c": "Open",
        "Stripe_Invoice_Url__c": invoice.fields["Hosted_Url__c"],
        "Stripe_Invoice_Due_Date__c": "2025-12-31",
        "Stripe_Payment_Link_Status__c": None,
        "Stripe_Payment_Link_Url__c": None,
        "Stripe_Amounts__c": "USD 1166.40 invoiced, 1166.40 remaining",
        "Stripe_Currency_Code__c": "USD",
        "Stripe_Amount_Invoiced__c": Decimal("1166.40"),
        "Stripe_Amount_Paid__c": Decimal("0.00"),
        "Stripe_Amount_Remaining__c": Decimal("1166.40"),
        "Stripe_Amount_Refunded__c": Decimal(0),
        "Stripe_Last_Action__c": "send-invoice",
        "Stripe_Last_Action_Status__c": "succeeded",
        "Stripe_Last_Action_At__c": "2025-11-30T00:00:00Z",
        "Stripe_Last_Error_Code__c": None,
        "Stripe_Last_Error__c": None,
    }


def test_a_payment_of_an_invoice_is_counted_once():
    children = [an_invoice(1, "paid", paid=10000), a_payment(1, invoice="in_1")]

    stamp = roll_up(children, OPPORTUNITY)

    assert (stamp["Stripe_Amount_Paid__c"], stamp["Stripe_Status__c"]) == (Decimal("100.00"), "Paid")


def test_a_payment_whose_invoice_is_not_known_yet_is_not_counted():
    unread = projected("payment_intent", stripe_object("payment_intent"))

    assert roll_up([unread], OPPORTUNITY)["Stripe_Amount_Paid__c"] is None


def test_a_link_that_was_paid_counts_its_payment():
    stamp = roll_up([a_link(1, count=1), a_payment(1)], OPPORTUNITY)

    assert (stamp["Stripe_Status__c"], stamp["Stripe_Payment_Link_Status__c"]) == ("Paid", "Completed")
    assert stamp["Stripe_Amounts__c"] == "USD 100.00 paid"


@pytest.mark.parametrize(
    ("children", "status"),
    [
        ([an_invoice(1)], "Invoice Open"),
        ([an_invoice(1, paid=2500)], "Partially Paid"),
        ([an_invoice(1, "paid", paid=10000), an_invoice(2)], "Partially Paid"),
        ([an_invoice(1, "paid", total=0)], "Paid"),
        ([an_invoice(1, "paid", paid=10000), a_refund(1, 2500)], "Partially Refunded"),
        ([an_invoice(1, "paid", paid=10000), a_refund(1, 2500), a_refund(2, 7500)], "Refunded"),
        ([an_invoice(1, "paid", paid=10000), a_refund(1, 10000, "failed")], "Paid"),
        ([an_invoice(1, "draft")], "Invoice Draft"),
        ([a_link(1)], "Payment Link Active"),
        ([a_link(1, active=False)], None),
        ([an_invoice(1, "uncollectible")], "Uncollectible"),
        ([an_invoice(1, "void")], "Void"),
        ([an_invoice(1, "void"), an_action(1, Status.FAILED)], "Void"),
        ([an_action(1, Status.REJECTED)], "Needs Attention"),
        ([an_action(1, Status.UNKNOWN)], "Needs Attention"),
        ([an_action(1, Status.QUEUED)], "In Progress"),
        ([an_action(1, Status.AWAITING_APPROVAL)], "In Progress"),
        ([an_action(1, Status.CANCELLED)], None),
    ],
)
def test_the_status_says_where_billing_stands(children, status):
    assert roll_up(children, OPPORTUNITY)["Stripe_Status__c"] == status


def test_currencies_are_never_added_up():
    children = [an_invoice(1), an_invoice(2, currency="eur")]

    stamp = roll_up(children, OPPORTUNITY)

    assert {stamp[name] for name in (*module.MEASURES, "Stripe_Currency_Code__c")} == {None}
    assert stamp["Stripe_Amounts__c"].startswith("Several currencies (EUR, USD)")


def test_a_currency_with_nothing_in_it_does_not_hide_the_other():
    children = [an_invoice(1), a_payment(1, received=0, currency="eur")]

    assert roll_up(children, OPPORTUNITY)["Stripe_Currency_Code__c"] == "USD"


def test_zero_and_three_decimal_currencies_keep_their_decimals():
    yen, dinar = (roll_up([an_invoice(1, currency=code)], OPPORTUNITY) for code in ("jpy", "kwd"))

    assert yen["Stripe_Amounts__c"] == "JPY 10000 invoiced, 10000 remaining"
    assert dinar["Stripe_Amounts__c"] == "KWD 10.000 invoiced, 10.000 remaining"


def test_void_and_draft_invoices_are_not_money_that_was_asked_for():
    children = [an_invoice(1, "void"), an_invoice(2, "draft"), an_invoice(3, total=500)]

    assert roll_up(children, OPPORTUNITY)["Stripe_Amount_Invoiced__c"] == Decimal("5.00")


def test_an_uncollectible_invoice_is_invoiced_but_no_longer_awaited():
    stamp = roll_up([an_invoice(1, "uncollectible")], OPPORTUNITY)

    assert (stamp["Stripe_Amount_Invoiced__c"], stamp["Stripe_Amount_Remaining__c"]) == (Decimal("100.00"), Decimal(0))


def test_the_latest_living_invoice_is_shown_rather_than_a_later_void_one():
    children = [an_invoice(1, created=NEW_YEAR), an_invoice(2, "void", created=NEW_YEAR + 60)]

    assert roll_up(children, OPPORTUNITY)["Stripe_Invoice_Number__c"] == "INV-1"


def test_the_active_link_is_shown_rather_than_the_replaced_one():
    children = [a_link("old", active=False, action="act_9"), a_link("new", action="act_1")]

    assert roll_up(children, OPPORTUNITY)["Stripe_Payment_Link_Url__c"] == "https://buy.stripe.com/new"


def test_a_customer_made_on_the_way_is_not_the_last_action():
    children = [
        an_action(1, Status.SUCCEEDED),
        an_action(2, Status.FAILED, kind="internal", accepted=NEW_YEAR + 5, code="x", message="y"),
    ]

    stamp = roll_up(children, OPPORTUNITY)

    assert (stamp["Stripe_Last_Action_Status__c"], stamp["Stripe_Last_Error__c"]) == ("succeeded", None)


def test_the_last_error_is_that_of_the_latest_action_and_goes_away_with_a_success():
    failed = an_action(1, Status.FAILED, code="card_declined", message="m" * 300)
    later = an_action(2, Status.SUCCEEDED, accepted=NEW_YEAR + 5)

    shown, gone = roll_up([failed], OPPORTUNITY), roll_up([failed, later], OPPORTUNITY)

    assert shown["Stripe_Last_Error_Code__c"] == "card_declined"
    assert len(shown["Stripe_Last_Error__c"]) == 255
    assert (gone["Stripe_Last_Error_Code__c"], gone["Stripe_Last_Error__c"]) == (None, None)


def test_a_refund_that_fails_days_later_is_told_although_its_action_succeeded():
    refund = a_refund(1, status="failed", failure_reason="lost_or_stolen_card")

    stamp = roll_up([an_action(1, Status.SUCCEEDED), refund], OPPORTUNITY)

    assert stamp["Stripe_Last_Error_Code__c"] == "refund_failed"
    assert stamp["Stripe_Last_Error__c"] == "The refund of USD 25.00 failed: lost_or_stolen_card."


def test_a_link_too_long_for_the_field_is_left_out():
    invoice = projected("invoice", stripe_object("invoice", hosted_invoice_url="https://x/" + "y" * 300))

    assert roll_up([invoice], OPPORTUNITY)["Stripe_Invoice_Url__c"] is None


def test_rows_of_another_record_and_the_stamp_itself_do_not_count():
    other = SourceRef("Opportunity", "0065g00000ZzZzZAAV")
    foreign = projected("invoice", stripe_object("invoice"), owner=other)
    stamp = Upsert("Opportunity", OPPORTUNITY.record_id, {"Stripe_Status__c": "Paid"}, OPPORTUNITY, "Id")

    assert set(roll_up([foreign, stamp], OPPORTUNITY).values()) == {None}


def test_rows_read_back_from_storage_give_the_same_stamp():
    children = [an_invoice(1, paid=2500), a_payment(1), a_refund(1), a_link(1), an_action(1, Status.SUCCEEDED)]

    assert dumps(roll_up([stored(child) for child in children], OPPORTUNITY)) == dumps(roll_up(children, OPPORTUNITY))


CURRENCIES = st.sampled_from(["usd", "eur", "jpy"])
MINOR = st.integers(0, 10**8)
TIMES = st.integers(NEW_YEAR, NEW_YEAR + 3)
CHILD = st.one_of(
    st.builds(
        an_invoice,
        st.integers(0, 9),
        st.sampled_from(["draft", "open", "paid", "void", "uncollectible", "new"]),
        MINOR,
        MINOR,
        CURRENCIES,
        TIMES,
    ),
    st.builds(a_payment, st.integers(0, 9), MINOR, CURRENCIES, st.sampled_from([None, "in_1"])),
    st.builds(
        a_refund, st.integers(0, 9), MINOR, st.sampled_from(["pending", "succeeded", "failed"]), CURRENCIES, TIMES
    ),
    st.builds(a_link, st.integers(0, 9), st.booleans(), st.sampled_from(["act_1", "act_2"]), st.integers(0, 1)),
    st.builds(
        an_action,
        st.integers(0, 9),
        st.sampled_from(list(Status)),
        st.sampled_from(["person", "internal"]),
        TIMES,
        st.sampled_from([None, "x"]),
        st.sampled_from([None, "words"]),
    ),
)


@given(st.lists(CHILD, max_size=8, unique_by=lambda row: (row.sobject, row.key)), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_never_matters(children, random):
    expected = roll_up(children, OPPORTUNITY)
    shuffled = list(children)
    random.shuffle(shuffled)

    assert roll_up(shuffled, OPPORTUNITY) == expected


@given(st.lists(CHILD, max_size=8, unique_by=lambda row: (row.sobject, row.key)))
def test_the_stamp_always_has_every_field_and_fits(children):
    stamp = roll_up(children, OPPORTUNITY)

    assert set(stamp) == set(roll_up([], OPPORTUNITY))
    assert all(len(stamp[name] or "") <= length for name, length in module.LENGTHS.items())
    assert stamp["Stripe_Status__c"] in {None, *module.STATUSES}


SENT = {"status": Status.SUCCEEDED, "stripe_id": "in_1", "message": "Invoice 1 was sent."}
AGAIN = {**SENT, "message": "This was done already."}
REFUSED = {"status": Status.REJECTED, "name": "create-payment-link", "code": "amount_missing", "message": "No amount."}
REFUNDED = {"status": Status.SUCCEEDED, "name": "refund-payment", "stripe_id": "re_1"}
CUSTOMER = {"status": Status.SUCCEEDED, "name": "create-customer", "stripe_id": "cus_1", "message": "It is at Stripe."}


def actions(*told):
    return [an_action(n, accepted=NEW_YEAR + 60 * n, **each) for n, each in enumerate(told)]


def test_flows_that_ask_the_same_on_every_save_do_not_change_the_stamp_for_ever():
    """Each save is followed by an answer to both flows; were every one shown, each would be the next save."""
    after = [roll_up(actions(SENT, *[AGAIN, REFUSED] * rounds), OPPORTUNITY) for rounds in range(1, 5)]

    assert after[0]["Stripe_Last_Action__c"] == "create-payment-link"
    assert after[1:] == after[:-1]


@pytest.mark.parametrize(
    ("told", "latest"),
    [
        ([SENT, AGAIN, AGAIN], 0),
        ([REFUSED, REFUSED], 0),
        ([REFUSED, SENT, REFUSED], 2),
        ([REFUSED, {**REFUSED, "message": "Another reason."}], 1),
        ([REFUNDED, {**REFUNDED, "stripe_id": "re_2"}], 1),
        (
            [
                CUSTOMER,
                {**CUSTOMER, "status": Status.FAILED, "stripe_id": None, "code": "x", "message": "No."},
                CUSTOMER,
            ],
            2,
        ),
        ([CUSTOMER, {**CUSTOMER, "message": DONE_ALREADY}], 0),
    ],
    ids=[
        "repeat",
        "refused twice",
        "refused again after a success",
        "refused for another reason",
        "two refunds",
        "a customer that could be changed at last",
        "a customer with nothing to change",
    ],
)
def test_the_last_action_is_the_last_that_said_something_new(told, latest):
    expected = actions(*told)[latest].fields

    stamp = roll_up(actions(*told), OPPORTUNITY)

    assert stamp["Stripe_Last_Action_At__c"] == expected["Accepted_At__c"]
    assert stamp["Stripe_Last_Action__c"] == expected["Action__c"]
