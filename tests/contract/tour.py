"""A walk through everything the simulator offers, each request and answer laid before the oracle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.contract.oracle import check_object, check_request, check_response

Row = dict[str, Any]
Send = Callable[[str, str, Row], Awaitable[Row]]
Knob = Callable[[str, Row], Row]
PRICE = {"currency": "eur", "product_data": {"name": "Seat"}, "unit_amount": 5_000}
ADDRESS = {"line1": "Unter den Linden 1", "city": "Berlin", "postal_code": "10117", "country": "DE"}


@dataclass
class Tour:
    """``problems`` is empty when everything fits Stripe; ``calls`` says what was walked."""

    send: Send
    knob: Knob
    problems: list[str] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)

    async def __call__(self, method: str, path: str, **params: Any) -> Row:
        where = f"{method} {path}"
        self.problems += [f"{where} request {found}" for found in check_request(method, path, params)]
        body = await self.send(method, path, params)
        self.problems += [f"{where} answer {found}" for found in check_response(method, path, body)]
        self.calls.add(where)
        return body

    async def walk(self) -> None:
        customer = await self.customers()
        invoice = await self.invoices(customer)
        charge = await self.payments(invoice)
        await self.refunds(charge)
        await self.links()
        await self.catalogue()
        await self.endings(customer)
        await self.events()

    async def customers(self) -> str:
        await self("GET", "/v1/account")
        made = await self(
            "POST", "/v1/customers", name="Acme GmbH", email="ap@acme.example", phone="+49 30 1", address=ADDRESS,
            shipping={"name": "Acme", "address": ADDRESS}, preferred_locales=["de"], tax_exempt="none",
            tax_id_data=[{"type": "eu_vat", "value": "DE123456789"}], metadata={"sf_record_id": "001A"},
            invoice_settings={"footer": "Thanks"}, business_name="Acme", expand=["tax_ids"],
        )  # fmt: skip
        path = f"/v1/customers/{made['id']}"
        await self("POST", path, description="Key account", metadata={"tier": "gold"})
        await self("GET", path, expand=["subscriptions", "sources"])
        await self("GET", "/v1/customers", limit=3, email="ap@acme.example")
        await self("GET", "/v1/customers/search", query="metadata['tier']:'gold'")
        tax_id = await self("POST", f"{path}/tax_ids", type="gb_vat", value="GB123456789")
        await self("GET", f"{path}/tax_ids")
        await self("GET", f"{path}/tax_ids/{tax_id['id']}", expand=["customer"])
        await self("DELETE", f"{path}/tax_ids/{tax_id['id']}")
        return str(made["id"])

    async def invoices(self, customer: str) -> Row:
        rate = await self("POST", "/v1/tax_rates", display_name="VAT", percentage="19", inclusive=False, country="DE")
        coupon = await self("POST", "/v1/coupons", percent_off="10", duration="once", name="Spring")
        invoice = await self(
            "POST", "/v1/invoices", customer=customer, currency="eur", collection_method="send_invoice",
            days_until_due=30, auto_advance=False, pending_invoice_items_behavior="exclude",
            default_tax_rates=[rate["id"]], discounts=[{"coupon": coupon["id"]}], description="Order 4711",
            footer="Thanks", custom_fields=[{"name": "PO", "value": "4711"}], metadata={"gw_action_id": "act_1"},
            rendering={"amount_tax_display": "exclude_tax"}, payment_settings={"payment_method_types": ["card"]},
        )  # fmt: skip
        path = f"/v1/invoices/{invoice['id']}"
        line = {"price_data": PRICE, "quantity": 2, "metadata": {"sf_line_id": "00kA"}, "description": "Seats"}
        discounted = {"amount": 500, "description": "Setup", "discounts": [{"coupon": coupon["id"]}]}
        added = await self(
            "POST", f"{path}/add_lines", lines=[line, discounted], invoice_metadata={"a": "b"},
            expand=["discounts", "customer"],
        )  # fmt: skip
        await self("GET", f"{path}/lines", limit=1, expand=["data.discounts"])
        gone = {"id": added["lines"]["data"][1]["id"], "behavior": "delete"}
        await self("POST", f"{path}/remove_lines", lines=[gone])
        await self("POST", path, description="Order 4712")
        preview = {"amount": 500, "currency": "eur", "description": "Setup"}
        await self(
            "POST", "/v1/invoices/create_preview", customer=customer, currency="eur", invoice_items=[preview],
            automatic_tax={"enabled": True}, discounts=[{"coupon": coupon["id"]}],
        )  # fmt: skip
        await self(
            "POST", "/v1/invoices/create_preview", currency="eur",
            invoice_items=[{"amount": 500, "tax_code": "txcd_10000000"}, {"amount": 500, "tax_rates": [rate["id"]]}],
            customer_details={"address": ADDRESS, "tax_exempt": "none"},
        )  # fmt: skip
        await self("POST", f"{path}/finalize", auto_advance=False)
        await self("POST", f"{path}/send", expand=["payments", "confirmation_secret"])
        await self("GET", "/v1/invoices", customer=customer, status="open", created={"gte": 1})
        await self("GET", "/v1/invoices/search", query="status:'open'")
        await self("GET", f"/v1/tax_rates/{rate['id']}")
        await self("POST", f"/v1/tax_rates/{rate['id']}", active=False)
        await self("GET", f"/v1/coupons/{coupon['id']}")
        return await self("GET", path)

    async def payments(self, invoice: Row) -> str:
        path = f"/v1/invoices/{invoice['id']}"
        self.knob(f"/invoices/{invoice['id']}/pay", {"amount": 1_000})
        intent = await self("POST", "/v1/payment_intents", amount=1_000, currency="eur", metadata={"a": "b"})
        self.knob(f"/payment_intents/{intent['id']}/confirm", {})
        await self("POST", f"{path}/attach_payment", payment_intent=intent["id"])
        await self("POST", f"{path}/pay", payment_method="pm_card_visa", expand=["payments"])
        expand = ["data.payment.payment_intent.latest_charge"]
        paid = await self("GET", "/v1/invoice_payments", invoice=invoice["id"], status="paid", expand=expand)
        row = paid["data"][0]
        await self("GET", f"/v1/invoice_payments/{row['id']}", expand=["invoice"])
        by_intent = {"type": "payment_intent", "payment_intent": row["payment"]["payment_intent"]["id"]}
        await self("GET", "/v1/invoice_payments", payment=by_intent)
        charge = row["payment"]["payment_intent"]["latest_charge"]
        await self("GET", f"/v1/payment_intents/{charge['payment_intent']}", expand=["latest_charge", "customer"])
        await self("GET", "/v1/payment_intents", customer=invoice["customer"])
        await self("GET", "/v1/payment_intents/search", query="status:'succeeded'")
        await self("GET", f"/v1/charges/{charge['id']}", expand=["balance_transaction", "refunds"])
        await self("GET", "/v1/charges", payment_intent=charge["payment_intent"])
        await self("GET", "/v1/charges/search", query="currency:'eur'")
        return str(charge["id"])

    async def refunds(self, charge: str) -> None:
        self.knob("/refunds", {"next": ["succeeded", "pending", "requires_action", "failed"]})
        made = [
            await self(
                "POST", "/v1/refunds", charge=charge, amount=100, reason="duplicate", metadata={"n": str(n)},
                expand=["charge", "balance_transaction"],
            )
            for n in range(4)
        ]  # fmt: skip
        await self("GET", f"/v1/refunds/{made[0]['id']}", expand=["payment_intent", "customer"])
        await self("POST", f"/v1/refunds/{made[0]['id']}", metadata={"checked": "yes"})
        await self("POST", f"/v1/refunds/{made[2]['id']}/cancel", expand=["failure_balance_transaction"])
        await self("GET", "/v1/refunds", charge=charge)
        dispute = self.knob("/disputes", {"charge": charge})
        await self("GET", f"/v1/disputes/{dispute['id']}", expand=["charge", "payment_intent"])
        await self("GET", "/v1/disputes", charge=charge)
        listed = await self("GET", "/v1/balance_transactions", limit=20, expand=["data.source"])
        await self("GET", f"/v1/balance_transactions/{listed['data'][0]['id']}")

    async def links(self) -> None:
        link = await self(
            "POST", "/v1/payment_links", line_items=[{"price_data": PRICE, "quantity": 2}],
            restrictions={"completed_sessions": {"limit": 1}}, metadata={"gw_action_id": "act_2"},
            payment_intent_data={"metadata": {"gw_action_id": "act_2"}, "description": "Deposit"},
            customer_creation="always", automatic_tax={"enabled": True}, inactive_message="Paid already",
            expand=["line_items"],
        )  # fmt: skip
        path = f"/v1/payment_links/{link['id']}"
        session = self.knob(f"/payment_links/{link['id']}/pay", {})
        await self("GET", path)
        await self("POST", path, active=False, metadata={"closed": "yes"})
        await self("GET", f"{path}/line_items", expand=["data.price.product"])
        await self("GET", "/v1/payment_links", active=False)
        expand = ["payment_intent", "line_items", "customer", "payment_link"]
        await self("GET", f"/v1/checkout/sessions/{session['id']}", expand=expand)
        await self("GET", f"/v1/checkout/sessions/{session['id']}/line_items")
        await self("GET", "/v1/checkout/sessions", payment_link=link["id"], status="complete")
        for currency in ("eur", "usd"):
            await self.debit(currency)

    async def debit(self, currency: str) -> None:
        """A bank debit under way: the session is complete and unpaid, the charge pending."""
        link = await self(
            "POST", "/v1/payment_links", line_items=[{"price_data": {**PRICE, "currency": currency}, "quantity": 1}]
        )
        session = self.knob(f"/payment_links/{link['id']}/pay", {"debit": True})
        await self("GET", f"/v1/checkout/sessions/{session['id']}", expand=["payment_intent.latest_charge"])
        await self("GET", f"/v1/payment_intents/{session['payment_intent']}", expand=["latest_charge"])
        await self("GET", "/v1/charges", payment_intent=session["payment_intent"])

    async def catalogue(self) -> None:
        product = await self("POST", "/v1/products", name="Seat", description="One seat", metadata={"a": "b"})
        await self("POST", f"/v1/products/{product['id']}", name="Seats")
        await self("GET", f"/v1/products/{product['id']}")
        price = await self("POST", "/v1/prices", product=product["id"], currency="eur", unit_amount=500)
        await self("GET", f"/v1/prices/{price['id']}", expand=["product"])
        for kind in ("products", "prices", "tax_rates", "coupons"):
            await self("GET", f"/v1/{kind}", limit=2)

    async def endings(self, customer: str) -> None:
        terms: Row = {"customer": customer, "collection_method": "send_invoice", "days_until_due": 1}
        draft = await self("POST", "/v1/invoices", **terms)
        await self("DELETE", f"/v1/invoices/{draft['id']}")
        opened = await self("POST", "/v1/invoices", **terms, automatic_tax={"enabled": True})
        path = f"/v1/invoices/{opened['id']}"
        await self("POST", f"{path}/add_lines", lines=[{"amount": 700}])
        await self("POST", f"{path}/finalize")
        await self("POST", f"{path}/mark_uncollectible")
        await self("POST", f"{path}/void")
        await self("DELETE", f"/v1/customers/{customer}")
        await self("GET", f"/v1/customers/{customer}")

    async def events(self) -> None:
        hook = await self("POST", "/v1/webhook_endpoints", url="http://127.0.0.1:9/x", enabled_events=["invoice.paid"])
        path = f"/v1/webhook_endpoints/{hook['id']}"
        await self("POST", path, enabled_events=["*"], description="all", disabled=True)
        await self("GET", path)
        await self("GET", "/v1/webhook_endpoints")
        await self("DELETE", path)
        await self("GET", "/v1/events", types=["refund.created", "refund.updated"])
        page = await self("GET", "/v1/events", limit=100)
        await self("GET", f"/v1/events/{page['data'][0]['id']}")
        for event in page["data"]:
            found = check_object(event["data"]["object"])
            self.problems += [f"event {event['type']} {problem}" for problem in found]
