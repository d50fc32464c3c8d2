"""The pages a person sees, and the buttons on them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.stripe_sim import StripeSim

ITEM = {"price_data": {"currency": "eur", "product_data": {"name": "Deposit"}, "unit_amount": 5_000}, "quantity": 1}
PAYER = {"email": "p@payer.example", "name": "P", "country": "DE"}


def path_of(sim: StripeSim, url: str) -> str:
    return url.removeprefix(sim.url)


def hosted(sim: StripeSim, **fields: Any) -> tuple[dict[str, Any], str]:
    invoice = sim.open_invoice(10_000, **fields)
    return invoice, path_of(sim, invoice["hosted_invoice_url"])


def test_the_hosted_invoice_shows_lines_total_and_a_pay_button(sim: StripeSim) -> None:
    invoice, path = hosted(sim, custom_fields=[{"name": "PO", "value": "4711"}], footer="Thanks!")

    page = sim.page(path)

    assert page.status_code == 200
    for text in (invoice["number"], "Line 0", "100.00 EUR", "4711", "Thanks!", "<button>Pay 100.00 EUR</button>"):
        assert text in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_pay_button_pays(sim: StripeSim) -> None:
    invoice, path = hosted(sim)

    page = sim.page(path, card="pm_card_visa", amount="")

    assert "This invoice is paid" in page.text
    assert sim.get(f"/v1/invoices/{invoice['id']}")["status"] == "paid"


def test_a_part_can_be_paid(sim: StripeSim) -> None:
    invoice, path = hosted(sim)

    page = sim.page(path, card="pm_card_visa", amount="40,00")

    assert "<button>Pay 60.00 EUR</button>" in page.text
    assert sim.get(f"/v1/invoices/{invoice['id']}")["amount_remaining"] == 6_000


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"card": "pm_card_visa_chargeDeclined", "amount": ""}, "Your card was declined."),
        ({"card": "pm_card_visa", "amount": "1000"}, "at most what remains"),
        ({"card": "pm_card_visa", "amount": "1.005"}, "too many decimals"),
        ({"card": "pm_card_visa", "amount": "lots"}, "is not an amount"),
        ({"card": "pm_card_visa", "amount": "0"}, "is not above 0"),
        ({"card": "pm_card_visa", "amount": "-5"}, "is not above 0"),
        ({"card": "pm_card_unknown", "amount": ""}, "No such PaymentMethod"),
    ],
)
def test_a_payment_that_fails_says_why(sim: StripeSim, form: dict[str, str], message: str) -> None:
    invoice, path = hosted(sim)

    page = sim.page(path, **form)

    assert page.status_code == 402
    assert message in page.text
    assert sim.get(f"/v1/invoices/{invoice['id']}")["status"] == "open"


def test_a_voided_invoice_cannot_be_paid(sim: StripeSim) -> None:
    invoice, path = hosted(sim)
    sim.post(f"/v1/invoices/{invoice['id']}/void")

    page = sim.page(path)

    assert "has been voided" in page.text
    assert "<button" not in page.text


def test_names_are_shown_as_text_never_as_markup(sim: StripeSim) -> None:
    customer = sim.customer(name="<script>alert(1)</script>")
    invoice, path = hosted(sim, customer=customer["id"])
    sim.post(f"/v1/invoices/{invoice['id']}/send")

    for page in (path, "/mailbox", "/dashboard"):
        assert "<script>" not in sim.page(page).text
    assert "&lt;script&gt;" in sim.page(path).text


def test_the_invoice_comes_as_pdf(sim: StripeSim) -> None:
    invoice, _ = hosted(sim)

    answer = sim.page(path_of(sim, invoice["invoice_pdf"]))

    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-1.4")
    assert invoice["number"].encode() in answer.content
    start = int(re.findall(rb"startxref\n(\d+)", answer.content)[0])
    assert answer.content[start:].startswith(b"xref")


def test_the_mailbox_links_to_what_was_sent(sim: StripeSim) -> None:
    empty = sim.page("/mailbox").text
    invoice, _ = hosted(sim)
    sim.post(f"/v1/invoices/{invoice['id']}/send")

    page = sim.page("/mailbox").text

    assert "Nothing here yet" in empty
    assert invoice["hosted_invoice_url"] in page
    assert "ap@acme.example" in page


def test_the_checkout_page_takes_a_payment(sim: StripeSim) -> None:
    link = sim.post("/v1/payment_links", line_items=[ITEM], restrictions={"completed_sessions": {"limit": 1}})
    path = path_of(sim, link["url"])

    before = sim.page(f"{path}?prefilled_email=p%40payer.example&client_reference_id=006A").text
    paid = sim.page(f"{path}?client_reference_id=006A", **PAYER, card="pm_card_visa").text
    after = sim.page(path).text

    assert 'value="p@payer.example"' in before
    assert "<button>Pay 50.00 EUR</button>" in before
    assert "Thank you" in paid
    assert "This link is closed" in after
    assert sim.get("/v1/checkout/sessions")["data"][0]["client_reference_id"] == "006A"


def test_a_declined_payment_keeps_what_was_typed(sim: StripeSim) -> None:
    link = sim.post("/v1/payment_links", line_items=[ITEM])

    page = sim.page(path_of(sim, link["url"]), **PAYER, card="pm_card_visa_chargeDeclined")

    assert page.status_code == 402
    assert "Your card was declined." in page.text
    assert 'value="p@payer.example"' in page.text


def test_a_link_can_send_the_payer_on(sim: StripeSim) -> None:
    after = {"type": "redirect", "redirect": {"url": f"{sim.url}/mailbox"}}
    link = sim.post("/v1/payment_links", line_items=[ITEM], after_completion=after)

    page = sim.page(path_of(sim, link["url"]), **PAYER, card="pm_card_visa")

    assert page.url == f"{sim.url}/mailbox"


def test_the_dashboard_lists_what_there_is(sim: StripeSim) -> None:
    charge = sim.charge(10_000)
    sim.post("/v1/refunds", charge=charge["id"], amount=100)
    sim.post("/v1/payment_links", line_items=[ITEM])

    page = sim.page("/")

    assert page.url.endswith("/dashboard")
    for text in (charge["id"], "100.00 EUR", "1.00 EUR", "invoice.paid", "Acme GmbH"):
        assert text in page.text


@pytest.mark.parametrize("path", ["/invoice/none", "/invoice/none/pdf", "/pay/none", "/nothing"])
def test_what_does_not_exist_is_a_404(sim: StripeSim, path: str) -> None:
    assert sim.page(path).status_code == 404


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "Fill in your e-mail address."),
        ({**PAYER, "name": " "}, "Fill in your name."),
        ({**PAYER, "country": ""}, "Fill in your country."),
        ({**PAYER, "email": "nobody"}, "The e-mail address is not one."),
    ],
)
def test_a_link_is_not_paid_by_nobody(sim: StripeSim, form: dict[str, str], message: str) -> None:
    link = sim.post("/v1/payment_links", line_items=[ITEM])

    page = sim.session.post(f"{sim.url}/pay/{link['id']}", data=form or {"card": "pm_card_visa"}, timeout=30)

    assert page.status_code == 402
    assert message in page.text
    assert sim.objects("charge") == []
