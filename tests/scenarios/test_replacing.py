"""One thing instead of another: the old one goes only when the new one is sure, and the answer says what is left."""

from __future__ import annotations

from gateway.app import Gateway
from tests.scenarios.lab import MACHINE, Lab, ask, end_of, truth, until
from tests.scenarios.test_hard_cases import tell


def statuses(lab: Lab) -> list[str]:
    return sorted(x["status"] for x in lab.of_record("invoice", lab.fleet))


def test_a_replacement_that_is_refused_leaves_the_invoice_that_was_open(sqlite_lab: Lab) -> None:
    lab = sqlite_lab
    wrong = lab.invoice_members(replace=True, tax_rates=["txr_doesnotexist0000"])

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "send-invoice", lab.invoice_members(), key="a", caller=MACHINE)

        refused = await ask(gateway, "send-invoice", wrong, key="b", caller=MACHINE)

        assert (refused.envelope["status"], refused.envelope["error_code"]) == ("failed", "resource_missing")
        assert statuses(lab) == ["open"]

    tell(lab, story)


def test_an_invoice_paid_just_before_it_is_replaced_stays_paid_and_gets_no_successor(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        await ask(gateway, "send-invoice", lab.invoice_members(), key="a", caller=MACHINE)
        lab.fault("stripe", "http_429", "/v1/invoices/*/void", method="POST", times=-1)
        [invoice] = lab.of_record("invoice", lab.fleet)

        replacing = lab.invoice_members(replace=True, lines=[{"description": "Bell", "amount": "77.00"}])
        asked = await ask(gateway, "send-invoice", replacing, key="b", caller=MACHINE, wait=0.0)
        await until(lambda: len(lab.of_record("invoice", lab.fleet)) == 2, what="the new draft")
        lab.pay(invoice)
        lab.heal()
        end = await end_of(gateway, asked)

        assert end["status"] == "failed", end
        assert statuses(lab) == ["paid"]

    tell(lab, story)


def test_an_invoice_voided_for_one_that_stripe_will_not_finalize_is_named_in_the_answer(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        first = await ask(gateway, "send-invoice", lab.invoice_members(), key="a", caller=MACHINE)
        lab.fault("stripe", "http_400", "/v1/invoices/*/finalize", method="POST")

        failed = await ask(gateway, "send-invoice", lab.invoice_members(replace=True), key="b", caller=MACHINE)

        assert failed.envelope["status"] == "failed"
        assert f"Invoice {first.envelope['number']} was voided already" in failed.envelope["user_message"]
        assert statuses(lab) == ["void"]
        await until(lambda: not list(truth(lab, lab.fleet)), what="the void invoice in Salesforce")
        again = await ask(gateway, "send-invoice", lab.invoice_members(replace=True), key="c", caller=MACHINE)
        assert again.envelope["success"], again.envelope
        assert statuses(lab) == ["open", "void"]

    tell(lab, story)


def link(lab: Lab, amount: str, **more: object) -> dict[str, object]:
    return {"record_id": lab.fleet, "amount": amount, "currency": "USD", "description": "Deposit", **more}


async def paid_meanwhile(lab: Lab, gateway: Gateway, old: dict[str, object]) -> dict[str, object]:
    """How a request for another link ends while the old one is paid after the plan and before it is switched off."""
    first = await ask(gateway, "create-payment-link", old, key="a")
    lab.fault("stripe", "http_429", "/v1/payment_links/*", method="POST", times=-1)
    asked = await ask(gateway, "create-payment-link", link(lab, "120.00"), key="b", wait=0.0)
    await until(lambda: _turned_away(lab), what="the old link's switching off")
    lab.control("stripe", "POST", f"payment_links/{first.envelope['stripe_id']}/pay", {})
    lab.heal()
    return await end_of(gateway, asked)


def _turned_away(lab: Lab) -> bool:
    return any(c["path"].startswith("/v1/payment_links/") and c["method"] == "POST" for c in lab.calls("stripe"))


def test_a_one_time_link_paid_just_before_it_is_switched_off_gets_no_successor(lab: Lab) -> None:
    async def story(gateway: Gateway) -> None:
        end = await paid_meanwhile(lab, gateway, link(lab, "100.00"))

        assert (end["status"], end["error_code"]) == ("failed", "link_paid")
        assert len(lab.of_record("payment_link", lab.fleet)) == 1
        assert [x["amount"] for x in lab.objects("charge")] == [10000]
        await until(lambda: [r["Active__c"] for r in lab.records("Stripe_Payment_Link__c")] == [False], what="the row")
        same = await ask(gateway, "create-payment-link", link(lab, "100.00"), key="c")
        assert same.envelope["replayed"], same.envelope

    tell(lab, story)


def test_a_reusable_link_that_was_paid_is_followed_by_another(sqlite_lab: Lab) -> None:
    lab = sqlite_lab

    async def story(gateway: Gateway) -> None:
        end = await paid_meanwhile(lab, gateway, link(lab, "100.00", reusable=True))

        assert end["success"], end
        assert sorted(x["active"] for x in lab.of_record("payment_link", lab.fleet)) == [False, True]

    tell(lab, story)
