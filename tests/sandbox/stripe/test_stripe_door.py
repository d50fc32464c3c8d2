"""Keys, scopes, accounts, versions, parameters: what is let in, and how the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.stripe_sim import KEY, ORGANIZATION_KEY, OTHER_KEY, READER, StripeSim


@pytest.mark.parametrize("key", ["sk_test_unknown", ""])
def test_an_unknown_or_missing_key_is_a_401(sim: StripeSim, key: str) -> None:
    reply = sim.call("GET", "/v1/customers", api_key=key)

    assert (reply.status, reply.error["type"]) == (401, "invalid_request_error")
    assert "sk_test_unknown" not in str(reply.body)


def test_a_restricted_key_does_what_its_scopes_say_and_no_more(sim: StripeSim) -> None:
    made = sim.call("POST", "/v1/customers", {"name": "Acme"}, api_key=READER)
    read = sim.call("GET", "/v1/customers", api_key=READER)
    listed = sim.call("GET", "/v1/invoices", api_key=READER)
    refused = sim.call("POST", "/v1/invoices", {"customer": made.body["id"]}, api_key=READER)

    assert [made.status, read.status, listed.status, refused.status] == [200, 200, 200, 403]
    assert "rak_invoice_write" in refused.error["message"]


def test_each_key_sees_its_own_account_and_mode(sim: StripeSim) -> None:
    sim.customer()

    assert sim.ok("GET", "/v1/customers", api_key=OTHER_KEY)["data"] == []
    assert sim.ok("GET", "/v1/customers", api_key="sk_live_sandbox")["data"] == []
    assert sim.ok("GET", "/v1/account")["id"] == "acct_main"


@pytest.mark.parametrize("header", ["Stripe_Account", "Stripe_Context"])
def test_a_platform_acts_for_its_connected_account_by_header(sim: StripeSim, header: str) -> None:
    account = sim.call("GET", "/v1/account", **{header: "acct_other"})
    stranger = sim.call("GET", "/v1/account", **{header: "acct_main"}, api_key=OTHER_KEY)

    assert account.body["id"] == "acct_other"
    assert (stranger.status, stranger.error["code"]) == (403, "account_invalid")


def test_an_organization_key_needs_a_context_and_a_version(sim: StripeSim) -> None:
    without = sim.call("GET", "/v1/account", api_key=ORGANIZATION_KEY)
    with_both = sim.call(
        "GET",
        "/v1/account",
        api_key=ORGANIZATION_KEY,
        Stripe_Context="acct_main",
        Stripe_Version="2026-10-28.endive",
    )

    assert without.status == 400
    assert with_both.status == 200


@pytest.mark.parametrize(
    ("version", "status"),
    [("2026-10-28.endive", 200), ("2025-03-31.basil", 200), ("2024-06-20", 400), ("latest", 400)],
)
def test_api_versions_before_basil_are_refused(sim: StripeSim, version: str, status: int) -> None:
    reply = sim.call("GET", "/v1/customers", Stripe_Version=version)

    assert reply.status == status
    assert reply.headers["stripe-version"] == version


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/unicorns"),
        ("DELETE", "/v1/invoices"),
        ("POST", "/v1/invoices/in_1/explode"),
        ("PUT", "/v1/customers"),
    ],
)
def test_a_path_or_method_that_is_not_simulated_is_a_404(sim: StripeSim, method: str, path: str) -> None:
    error = sim.refused(method, path)

    assert error["status"] == 404
    assert "Unrecognized request URL" in error["message"]


NO_DECIMALS = "invalid_charge_amount_no_decimal_compatible"
LINE = {"price_data": {"currency": "eur", "product_data": {"name": "Seat"}, "unit_amount": 1}}
# endpoint, parameters, the parameter that is named, code
REFUSED: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("/v1/customers", {"nmae": "Acme"}, "nmae", "parameter_unknown"),
    ("/v1/customers", {"address": {"street": "x"}}, "address[street]", "parameter_unknown"),
    ("/v1/customers", {"name": "x" * 257}, "name", "parameter_invalid_string"),
    ("/v1/customers", {"phone": "1" * 21}, "phone", "parameter_invalid_string"),
    ("/v1/customers", {"email": "nobody"}, "email", "email_invalid"),
    ("/v1/customers", {"address": {"country": "Germany"}}, "address[country]", None),
    ("/v1/customers", {"tax_exempt": "maybe"}, "tax_exempt", None),
    ("/v1/customers", {"balance": "1.5"}, "balance", "parameter_invalid_integer"),
    ("/v1/customers", {"metadata": {"k" * 41: "v"}}, "metadata", "parameter_invalid_string"),
    ("/v1/customers", {"metadata": {"k": "v" * 501}}, "metadata[k]", None),
    ("/v1/customers", {"tax_id_data": [{"type": "eu_vat"}]}, "tax_id_data[0][value]", "parameter_missing"),
    ("/v1/customers", {"expand": ["mother"]}, "expand", None),
    ("/v1/invoices", {"auto_advance": "yes"}, "auto_advance", "parameter_invalid_boolean"),
    ("/v1/invoices", {"customer": "cus_unknown"}, "customer", "resource_missing"),
    ("/v1/invoices", {"currency": "euro", "customer": "cus_1"}, "currency", None),
    ("/v1/invoices", {"subscription": "sub_1"}, "subscription", "parameter_unknown"),
    ("/v1/refunds", {"invoice": "in_1"}, "invoice", "parameter_unknown"),
    ("/v1/refunds", {"charge": "ch_1", "amount": 0}, "amount", "parameter_invalid_integer"),
    ("/v1/refunds", {"charge": "ch_1", "reason": "regret"}, "reason", None),
    ("/v1/payment_links", {}, "line_items", "parameter_missing"),
    ("/v1/payment_links", {"line_items": [{"quantity": 1}]}, "line_items[0]", None),
    ("/v1/payment_links", {"line_items": [{**LINE, "quantity": 0}]}, "line_items[0]", "parameter_invalid_integer"),
    ("/v1/payment_intents", {"amount": 1001, "currency": "kwd"}, "amount", "invalid_charge_amount"),
    ("/v1/payment_intents", {"amount": 150, "currency": "isk"}, "amount", NO_DECIMALS),
    ("/v1/payment_intents", {"amount": 100_000_000, "currency": "eur"}, "amount", "amount_too_large"),
    ("/v1/payment_intents", {"amount": 49, "currency": "eur"}, "amount", "amount_too_small"),
    ("/v1/coupons", {"duration": "once"}, "percent_off", None),
    ("/v1/coupons", {"duration": "once", "amount_off": 1}, "currency", "parameter_missing"),
    ("/v1/tax_rates", {"display_name": "VAT", "inclusive": True, "percentage": "1e2"}, "percentage", None),
    ("/v1/prices", {"currency": "eur", "unit_amount": 1}, "price[product]", None),
    ("/v1/invoices", {"customer": "cus_1", "custom_fields": "PO"}, "custom_fields", None),
    ("/v1/invoices", {"customer": {"id": "cus_1"}}, "customer", None),
    ("/v1/invoices", {"payment_settings": "card"}, "payment_settings", None),
    ("/v1/invoices/create_preview", {}, "customer", "parameter_missing"),
    ("/v1/webhook_endpoints", {"url": "ftp://x", "enabled_events": ["*"]}, "url", None),
    ("/v1/webhook_endpoints", {"url": "http://x", "enabled_events": ["a.b"]}, "enabled_events[0]", None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "params", "named", "code"), REFUSED)
def test_a_wrong_parameter_is_refused_by_name(
    sim: StripeSim, path: str, params: dict[str, Any], named: str, code: str | None
) -> None:
    error = sim.refused("POST", path, **params)

    assert error["status"] == 400
    assert error["param"].startswith(named)
    assert error.get("code") == code


LINES: list[tuple[dict[str, Any], str]] = [
    ({}, "lines[0]"),
    ({"amount": 1, "quantity": 2}, "lines[0][quantity]"),
    ({"amount": 1, "price_data": LINE["price_data"]}, "lines[0]"),
    ({"pricing": {"price": "price_unknown"}}, "lines[0][pricing][price]"),
    ({**LINE, "quantity": 1, "quantity_decimal": "1.5"}, "lines[0][quantity]"),
    ({**LINE, "quantity": -1}, "lines[0][quantity]"),
    ({"price_data": {"currency": "eur", "unit_amount": 1}}, "lines[0][price_data][product]"),
    ({"price_data": {**LINE["price_data"], "unit_amount_decimal": "1.5"}}, "lines[0][price_data][unit_amount]"),
    ({"amount": 1, "tax_rates": ["txr_unknown"]}, "lines[0][tax_rates][0]"),
    ({"amount": 1, "discounts": [{"coupon": "unknown"}]}, "lines[0][discounts][0][coupon]"),
    ({"amount": 1, "discounts": [{"discount": "di_1"}]}, "lines[0][discounts][0]"),
]


@pytest.mark.parametrize(("line", "named"), LINES)
def test_a_wrong_line_is_refused_by_name_and_adds_nothing(sim: StripeSim, line: dict[str, Any], named: str) -> None:
    draft = sim.draft()
    lines: Any = [line] if line else [{"description": "nothing else"}]

    error = sim.refused("POST", f"/v1/invoices/{draft['id']}/add_lines", lines=lines)

    assert (error["status"], error["param"]) == (400, named)
    assert sim.get(f"/v1/invoices/{draft['id']}/lines")["data"] == []


def test_an_empty_value_unsets_what_can_be_unset(sim: StripeSim) -> None:
    customer = sim.customer(phone="123", metadata={"a": "1"})

    changed = sim.post(f"/v1/customers/{customer['id']}", phone="", metadata="")
    error = sim.refused("POST", "/v1/invoices", customer=customer["id"], currency="")

    assert changed["phone"] is None
    assert changed["metadata"] == {}
    assert error["param"] == "currency"


def test_metadata_is_merged_key_by_key(sim: StripeSim) -> None:
    customer = sim.customer(metadata={"keep": "1", "drop": "2"})

    changed = sim.post(f"/v1/customers/{customer['id']}", metadata={"drop": "", "add": "3"})

    assert changed["metadata"] == {"keep": "1", "add": "3"}


@pytest.mark.parametrize(
    "body",
    [b"name[=x", b"name=a&name=b", b"address=x&address[city]=y", b"name=%ff", "name=ü".encode(), b"expand[1]=invoices"],
)
def test_a_form_that_cannot_be_read_is_a_400(sim: StripeSim, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = sim.session.post(f"{sim.url}/v1/customers", data=body, headers=headers, timeout=5)

    assert answer.status_code == 400
    assert sim.objects("customer") == []


def test_json_is_not_a_form(sim: StripeSim) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = sim.session.post(f"{sim.url}/v1/customers", json={"name": "Acme"}, headers=headers, timeout=5)

    assert answer.status_code == 400
    assert "application/x-www-form-urlencoded" in answer.json()["error"]["message"]


def test_rate_limits_bite_only_when_switched_on(sim: StripeSim) -> None:
    free = {sim.call("GET", "/v1/customers").status for _ in range(40)}
    sim.control("/rate_limits", on=True, per_endpoint=5)

    replies = [sim.call("GET", "/v1/customers") for _ in range(40)]
    limited = [reply for reply in replies if reply.status == 429]

    assert free == {200}
    assert limited
    assert limited[0].error["code"] == "rate_limit"
    assert limited[0].headers["stripe-rate-limited-reason"] == "endpoint-rate"
    assert sim.call("GET", "/v1/invoices").status == 200


def test_the_account_as_a_whole_is_limited_too(sim: StripeSim) -> None:
    sim.control("/rate_limits", on=True, per_endpoint=1000, per_account_test=3)

    reasons = [sim.call("GET", "/v1/customers").headers.get("stripe-rate-limited-reason") for _ in range(8)]

    assert "global-rate" in reasons


def test_a_rate_limited_request_leaves_its_key_free(sim: StripeSim) -> None:
    sim.control("/rate_limits", on=True, per_endpoint=0.001)
    limited = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")
    sim.control("/rate_limits", on=False)

    repeat = sim.call("POST", "/v1/customers", {"name": "Acme"}, key="k1")

    assert limited.status == 429
    assert repeat.status == 200
    assert not repeat.replayed
