"""The life of an invoice, and what it adds up to."""

from __future__ import annotations

import pytest

from tests.support.stripe_sim import StripeSim

DE = {"country": "DE", "city": "Berlin"}


def rate(sim: StripeSim, percentage: str, *, inclusive: bool) -> str:
    made = sim.post("/v1/tax_rates", display_name="VAT", percentage=percentage, inclusive=inclusive)
    return str(made["id"])


def coupon(sim: StripeSim, **off: object) -> str:
    return str(sim.post("/v1/coupons", duration="once", **off)["id"])


def test_a_draft_becomes_open_with_number_and_page_and_is_mailed(sim: StripeSim) -> None:
    draft = sim.draft(10_000, 2_500)
    opened = sim.post(f"/v1/invoices/{draft['id']}/finalize", auto_advance=False)
    sim.post(f"/v1/invoices/{draft['id']}/send")

    assert (draft["status"], draft["number"], draft["hosted_invoice_url"]) == ("draft", None, None)
    assert (opened["status"], opened["amount_due"]) == ("open", 12_500)
    assert opened["number"].endswith("-0001")
    assert opened["hosted_invoice_url"].startswith(sim.url)
    [mail] = sim.objects("mail")
    assert (mail["to"], mail["url"]) == ("ap@acme.example", opened["hosted_invoice_url"])


def test_numbers_count_up_per_customer(sim: StripeSim) -> None:
    customer = sim.customer()["id"]

    numbers = [sim.open_invoice(500, customer=customer)["number"] for _ in range(2)]

    assert [number.rsplit("-", 1)[1] for number in numbers] == ["0001", "0002"]
    assert len({number.rsplit("-", 1)[0] for number in numbers}) == 1


def test_sending_a_draft_finalizes_it_and_sending_again_mails_again(sim: StripeSim) -> None:
    draft = sim.draft(500)

    sent = sim.post(f"/v1/invoices/{draft['id']}/send")
    sim.post(f"/v1/invoices/{draft['id']}/send")

    assert sent["status"] == "open"
    assert len(sim.objects("mail")) == 2


def test_a_line_is_quantity_times_price_rounded_half_up(sim: StripeSim) -> None:
    draft = sim.draft()
    price = {"currency": "eur", "product_data": {"name": "Hour"}, "unit_amount_decimal": "33.335"}

    invoice = sim.post(
        f"/v1/invoices/{draft['id']}/add_lines",
        lines=[{"price_data": price, "quantity_decimal": "1.5"}, {"price_data": price, "quantity": 3}],
    )

    first, second = invoice["lines"]["data"]
    assert (first["amount"], first["quantity"], first["quantity_decimal"]) == (50, None, "1.5")
    assert (second["amount"], second["quantity"], second["pricing"]["unit_amount_decimal"]) == (100, 3, "33.335")
    assert invoice["subtotal"] == 150


def test_exclusive_tax_is_added_and_inclusive_tax_is_contained(sim: StripeSim) -> None:
    exclusive = sim.draft(1000, default_tax_rates=[rate(sim, "19", inclusive=False)])
    inclusive = sim.draft(1190, default_tax_rates=[rate(sim, "19", inclusive=True)])

    assert (exclusive["subtotal"], exclusive["total"], exclusive["total_excluding_tax"]) == (1000, 1190, 1000)
    assert (inclusive["subtotal"], inclusive["total"], inclusive["total_excluding_tax"]) == (1190, 1190, 1000)
    assert inclusive["total_taxes"][0]["tax_behavior"] == "inclusive"
    assert inclusive["subtotal_excluding_tax"] == 1000


def test_a_lines_discount_comes_before_the_invoices_and_tax_is_taken_on_the_rest(sim: StripeSim) -> None:
    draft = sim.draft(discounts=[{"coupon": coupon(sim, amount_off=100, currency="eur")}])
    line = {"amount": 1000, "discounts": [{"coupon": coupon(sim, percent_off="10")}]}

    invoice = sim.post(
        f"/v1/invoices/{draft['id']}/add_lines",
        lines=[{**line, "tax_rates": [rate(sim, "10", inclusive=False)]}, {"amount": 1000, "discountable": False}],
    )

    first, second = invoice["lines"]["data"]
    assert [entry["amount"] for entry in first["discount_amounts"]] == [100, 100]
    assert second["discount_amounts"] == []
    assert sum(entry["amount"] for entry in invoice["total_discount_amounts"]) == 200
    assert invoice["total"] == 2000 - 200 + 80


def test_an_invoices_discount_is_spread_to_the_cent(sim: StripeSim) -> None:
    invoice = sim.draft(100, 100, 100, discounts=[{"coupon": coupon(sim, amount_off=100, currency="eur")}])

    shares = [line["discount_amounts"][0]["amount"] for line in invoice["lines"]["data"]]

    assert shares == [34, 33, 33]
    assert invoice["total"] == 200


def test_automatic_tax_needs_a_place_and_then_uses_its_rate(sim: StripeSim) -> None:
    nowhere = sim.draft(1000, automatic_tax={"enabled": True})
    berlin = sim.draft(1000, automatic_tax={"enabled": True}, customer=sim.customer(address=DE)["id"])

    refused = sim.refused("POST", f"/v1/invoices/{nowhere['id']}/finalize")

    assert nowhere["automatic_tax"]["status"] == "requires_location_inputs"
    assert refused["code"] == "customer_tax_location_invalid"
    assert sim.get(f"/v1/invoices/{nowhere['id']}")["last_finalization_error"]["code"] == refused["code"]
    assert (berlin["automatic_tax"]["status"], berlin["total"]) == ("complete", 1190)


@pytest.mark.parametrize(("exempt", "reason"), [("reverse", "reverse_charge"), ("exempt", "customer_exempt")])
def test_an_exempt_customer_pays_no_automatic_tax(sim: StripeSim, exempt: str, reason: str) -> None:
    customer = sim.customer(address=DE, tax_exempt=exempt)["id"]

    invoice = sim.draft(1000, automatic_tax={"enabled": True}, customer=customer)

    assert invoice["total"] == 1000
    assert invoice["total_taxes"][0]["taxability_reason"] == reason


def test_an_invoice_over_nothing_is_paid_at_once(sim: StripeSim) -> None:
    assert sim.open_invoice()["status"] == "paid"
    assert sim.get("/v1/payment_intents")["data"] == []


def test_an_amount_below_the_minimum_is_carried_over(sim: StripeSim) -> None:
    customer = sim.customer()["id"]

    tiny = sim.open_invoice(30, customer=customer)
    following = sim.open_invoice(1000, customer=customer)

    assert (tiny["status"], tiny["amount_due"], tiny["ending_balance"]) == ("paid", 0, 30)
    assert (following["starting_balance"], following["amount_due"]) == (30, 1030)
    assert sim.get(f"/v1/customers/{customer}")["balance"] == 0


def test_credit_of_the_customer_is_used_up_first(sim: StripeSim) -> None:
    customer = sim.customer(balance=-600)["id"]

    invoice = sim.open_invoice(1000, customer=customer)

    assert (invoice["total"], invoice["amount_due"]) == (1000, 400)
    assert sim.get(f"/v1/customers/{customer}")["balance"] == 0


def test_an_invoice_is_paid_in_parts(sim: StripeSim) -> None:
    invoice = sim.open_invoice(10_000)

    part = sim.control(f"/invoices/{invoice['id']}/pay", amount=4_000)
    rest = sim.control(f"/invoices/{invoice['id']}/pay")
    payments = sim.get("/v1/invoice_payments", invoice=invoice["id"])["data"]

    assert (part["status"], part["amount_remaining"]) == ("open", 6_000)
    assert (rest["status"], rest["amount_paid"], rest["amount_remaining"]) == ("paid", 10_000, 0)
    assert sorted(row["amount_paid"] for row in payments) == [4_000, 6_000]


def test_a_payment_by_another_way_is_noted_as_such(sim: StripeSim) -> None:
    invoice = sim.open_invoice(1000)

    paid = sim.post(f"/v1/invoices/{invoice['id']}/pay", paid_out_of_band=True)

    assert (paid["status"], paid["amount_paid_off_stripe"]) == ("paid", 1000)
    assert sim.get("/v1/charges")["data"] == []
    assert sim.get("/v1/invoice_payments", invoice=invoice["id"])["data"][0]["status"] == "canceled"


def test_a_declined_card_leaves_the_invoice_open(sim: StripeSim) -> None:
    invoice = sim.open_invoice(1000)

    error = sim.refused("POST", f"/v1/invoices/{invoice['id']}/pay", payment_method="pm_card_visa_chargeDeclined")

    assert (error["status"], error["code"], error["decline_code"]) == (402, "card_declined", "generic_decline")
    after = sim.get(f"/v1/invoices/{invoice['id']}")
    assert (after["status"], after["attempt_count"]) == ("open", 1)


def test_an_own_payment_intent_can_be_attached(sim: StripeSim) -> None:
    invoice = sim.open_invoice(1000)
    intent = sim.post("/v1/payment_intents", amount=1000, currency="eur")
    sim.control(f"/payment_intents/{intent['id']}/confirm")

    paid = sim.post(f"/v1/invoices/{invoice['id']}/attach_payment", payment_intent=intent["id"])
    again = sim.refused("POST", f"/v1/invoices/{invoice['id']}/attach_payment", payment_intent=intent["id"])

    assert paid["status"] == "paid"
    assert again["status"] == 400


def test_drafts_are_deleted_and_open_invoices_voided(sim: StripeSim) -> None:
    draft, opened = sim.draft(500), sim.open_invoice(500)

    gone = sim.ok("DELETE", f"/v1/invoices/{draft['id']}")
    void = sim.post(f"/v1/invoices/{opened['id']}/void")

    assert gone == {"id": draft["id"], "object": "invoice", "deleted": True}
    assert sim.refused("GET", f"/v1/invoices/{draft['id']}")["status"] == 404
    assert (void["status"], void["status_transitions"]["voided_at"] is not None) == ("void", True)


def test_an_uncollectible_invoice_can_still_be_paid_or_voided(sim: StripeSim) -> None:
    first, second = sim.open_invoice(500), sim.open_invoice(500)
    for invoice in (first, second):
        sim.post(f"/v1/invoices/{invoice['id']}/mark_uncollectible")

    assert sim.post(f"/v1/invoices/{first['id']}/pay", payment_method="pm_card_visa")["status"] == "paid"
    assert sim.post(f"/v1/invoices/{second['id']}/void")["status"] == "void"


# state reached first -> calls that must be refused there
FORBIDDEN = {
    "draft": ["void", "mark_uncollectible"],
    "open": ["finalize", "delete", "add_lines", "update"],
    "paid": ["finalize", "delete", "void", "mark_uncollectible", "pay", "add_lines"],
    "void": ["finalize", "delete", "void", "pay", "send", "mark_uncollectible"],
}
STEPS: dict[str, list[tuple[str, dict[str, object]]]] = {
    "draft": [],
    "open": [("finalize", {})],
    "paid": [("finalize", {}), ("pay", {"payment_method": "pm_card_visa"})],
    "void": [("finalize", {}), ("void", {})],
}
ARGUMENTS: dict[str, dict[str, object]] = {
    "pay": {"payment_method": "pm_card_visa"},
    "add_lines": {"lines": [{"amount": 1}]},
    "update": {"description": "new"},
}


@pytest.mark.parametrize(("state", "call"), [(state, call) for state, calls in FORBIDDEN.items() for call in calls])
def test_each_state_refuses_what_does_not_fit_it(sim: StripeSim, state: str, call: str) -> None:
    invoice = sim.draft(500)
    for step, params in STEPS[state]:
        sim.post(f"/v1/invoices/{invoice['id']}/{step}", **params)

    path = f"/v1/invoices/{invoice['id']}{'' if call in ('delete', 'update') else '/' + call}"
    error = sim.refused("DELETE" if call == "delete" else "POST", path, **ARGUMENTS.get(call, {}))

    assert error["status"] == 400
    assert sim.get(f"/v1/invoices/{invoice['id']}")["status"] == state


def test_metadata_of_a_finalized_invoice_can_still_be_changed(sim: StripeSim) -> None:
    invoice = sim.open_invoice(500, metadata={"a": "1"})

    assert sim.post(f"/v1/invoices/{invoice['id']}", metadata={"b": "2"})["metadata"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "terms",
    [
        {"days_until_due": ""},
        {"due_date": 1000},
        {"days_until_due": 30, "due_date": 4_000_000_000},
        {"collection_method": "charge_automatically"},
    ],
)
def test_the_terms_of_payment_must_make_sense(sim: StripeSim, terms: dict[str, object]) -> None:
    customer = sim.customer()["id"]
    default = {"collection_method": "send_invoice"} | ({} if "due_date" in terms else {"days_until_due": 30})

    assert sim.refused("POST", "/v1/invoices", customer=customer, **{**default, **terms})["status"] == 400


def test_an_invoice_that_is_to_be_sent_needs_an_email(sim: StripeSim) -> None:
    customer = sim.customer(email="")

    error = sim.refused(
        "POST", "/v1/invoices", customer=customer["id"], collection_method="send_invoice", days_until_due=1
    )

    assert "valid email" in error["message"]


def test_two_hundred_and_fifty_lines_fit_and_one_more_does_not(sim: StripeSim) -> None:
    draft = sim.draft()
    lines = [{"amount": 1} for _ in range(250)]

    full = sim.post(f"/v1/invoices/{draft['id']}/add_lines", lines=lines)
    error = sim.refused("POST", f"/v1/invoices/{draft['id']}/add_lines", lines=[{"amount": 1}])
    rest = sim.get(f"/v1/invoices/{draft['id']}/lines", limit=100, starting_after=full["lines"]["data"][-1]["id"])

    assert (full["subtotal"], full["lines"]["total_count"], len(full["lines"]["data"])) == (250, 250, 10)
    assert error["param"] == "lines"
    assert (len(rest["data"]), rest["has_more"]) == (100, True)


def test_fewer_lines_a_call_can_be_switched_on(sim: StripeSim) -> None:
    sim.control("/settings", lines_per_call=100)
    draft = sim.draft()

    error = sim.refused("POST", f"/v1/invoices/{draft['id']}/add_lines", lines=[{"amount": 1}] * 101)
    sim.post(f"/v1/invoices/{draft['id']}/add_lines", lines=[{"amount": 1}] * 100)
    full = sim.post(f"/v1/invoices/{draft['id']}/add_lines", lines=[{"amount": 1}] * 100)

    assert (error["param"], error["message"]) == ("lines", "Array must contain at most 100 elements.")
    assert full["subtotal"] == 200


def test_lines_are_removed_again(sim: StripeSim) -> None:
    draft = sim.draft(100, 200)
    first = draft["lines"]["data"][0]["id"]

    left = sim.post(f"/v1/invoices/{draft['id']}/remove_lines", lines=[{"id": first, "behavior": "delete"}])

    assert left["total"] == 200
    again = {"lines": [{"id": first, "behavior": "delete"}]}
    assert sim.refused("POST", f"/v1/invoices/{draft['id']}/remove_lines", **again)["code"] == "resource_missing"


def test_a_line_in_another_currency_is_refused(sim: StripeSim) -> None:
    draft = sim.draft()
    price = {"currency": "usd", "product_data": {"name": "x"}, "unit_amount": 1}

    error = sim.refused("POST", f"/v1/invoices/{draft['id']}/add_lines", lines=[{"price_data": price}])

    assert error["param"] == "lines[0][price_data][currency]"
    assert sim.get(f"/v1/invoices/{draft['id']}")["lines"]["data"] == []


def test_an_advancing_draft_finalizes_itself_after_an_hour(sim: StripeSim) -> None:
    draft = sim.draft(500, auto_advance=True)

    sim.control("/clock", advance=3599)
    before = sim.get(f"/v1/invoices/{draft['id']}")["status"]
    sim.control("/clock", advance=2)
    after = sim.get(f"/v1/invoices/{draft['id']}")["status"]

    assert (before, after) == ("draft", "open")
    assert len(sim.objects("mail")) == 1


def test_a_preview_reckons_like_the_invoice_and_leaves_nothing(sim: StripeSim) -> None:
    customer = sim.customer(address=DE)["id"]
    kinds = ("invoice", "product", "price", "discount", "event")
    percent = coupon(sim, percent_off="10")
    before = {kind: len(sim.objects(kind)) for kind in kinds}

    preview = sim.post(
        "/v1/invoices/create_preview",
        customer=customer,
        currency="eur",
        automatic_tax={"enabled": True},
        discounts=[{"coupon": percent}],
        invoice_items=[{"amount": 1000, "currency": "eur"}, {"unit_amount": 500, "quantity": 2, "currency": "eur"}],
    )

    assert (preview["subtotal"], preview["total"]) == (2000, 2142)
    assert preview["id"].startswith("upcoming_in")
    assert {kind: len(sim.objects(kind)) for kind in kinds} == before


def test_a_preview_of_somebody_new_goes_by_the_given_place(sim: StripeSim) -> None:
    preview = sim.post(
        "/v1/invoices/create_preview",
        currency="eur",
        customer_details={"address": DE},
        automatic_tax={"enabled": True},
        invoice_items=[{"amount": 1000, "currency": "eur"}],
    )

    assert preview["total"] == 1190
    assert sim.objects("customer") == []


def test_a_preview_taxes_each_line_at_its_own_rate_and_takes_tax_codes(sim: StripeSim) -> None:
    rates = [sim.post("/v1/tax_rates", display_name="VAT", percentage=p, inclusive=False)["id"] for p in ("5", "20")]

    preview = sim.post(
        "/v1/invoices/create_preview",
        currency="eur",
        customer_details={"tax_exempt": "none"},
        invoice_items=[{"amount": 1000, "tax_rates": [rate], "tax_code": "txcd_10000000"} for rate in rates],
    )

    assert [tax["amount"] for tax in preview["total_taxes"]] == [50, 200]


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 5000), ("kwd", 1000)])
def test_other_minor_units_are_kept_as_they_are(sim: StripeSim, currency: str, amount: int) -> None:
    invoice = sim.open_invoice(amount, currency=currency)

    assert (invoice["currency"], invoice["total"]) == (currency, amount)
