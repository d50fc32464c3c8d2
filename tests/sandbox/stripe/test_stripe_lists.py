"""Pages, filters, expansion and search."""

from __future__ import annotations

import pytest

from gateway.sandbox.stripe.tables import Table
from tests.support.stripe_sim import StripeSim


def names(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [row["name"] for row in page["data"]]


def test_pages_walk_from_the_newest_to_the_oldest(sim: StripeSim) -> None:
    for number in range(5):
        sim.customer(name=f"c{number}")

    first = sim.get("/v1/customers", limit=2)
    second = sim.get("/v1/customers", limit=2, starting_after=first["data"][-1]["id"])
    last = sim.get("/v1/customers", limit=2, starting_after=second["data"][-1]["id"])

    assert [names(first), names(second), names(last)] == [["c4", "c3"], ["c2", "c1"], ["c0"]]
    assert [first["has_more"], second["has_more"], last["has_more"]] == [True, True, False]
    assert first["url"] == "/v1/customers"


def test_ending_before_walks_back(sim: StripeSim) -> None:
    made = [sim.customer(name=f"c{number}") for number in range(5)]

    page = sim.get("/v1/customers", limit=2, ending_before=made[1]["id"])

    assert names(page) == ["c3", "c2"]
    assert page["has_more"] is True


def test_a_page_survives_the_deletion_of_its_cursor(sim: StripeSim) -> None:
    made = [sim.customer(name=f"c{number}") for number in range(3)]
    sim.ok("DELETE", f"/v1/customers/{made[1]['id']}")

    page = sim.get("/v1/customers", starting_after=made[1]["id"])

    assert names(page) == ["c0"]


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"starting_after": "cus_unknown"}, {"before": "x"}])
def test_a_wrong_page_is_refused(sim: StripeSim, params: dict[str, object]) -> None:
    assert sim.refused("GET", "/v1/customers", **params)["status"] == 400


def test_lists_are_filtered_by_time(sim: StripeSim) -> None:
    old = sim.customer(name="old")
    sim.control("/clock", advance=1000)
    new = sim.customer(name="new")

    assert names(sim.get("/v1/customers", created={"gte": new["created"]})) == ["new"]
    assert names(sim.get("/v1/customers", created={"lt": new["created"]})) == ["old"]
    assert names(sim.get("/v1/customers", created=old["created"])) == ["old"]


def test_invoices_are_filtered_by_customer_and_status(sim: StripeSim) -> None:
    mine, others = sim.customer()["id"], sim.customer()["id"]
    draft = sim.draft(500, customer=mine)
    opened = sim.open_invoice(500, customer=mine)
    sim.open_invoice(500, customer=others)

    def found(**filters: str) -> list[str]:
        return [row["id"] for row in sim.get("/v1/invoices", **filters)["data"]]

    assert found(customer=mine) == [opened["id"], draft["id"]]
    assert found(customer=mine, status="open") == [opened["id"]]
    assert len(found(status="open")) == 2


def test_customers_are_found_by_their_present_email(sim: StripeSim) -> None:
    customer = sim.customer(email="old@acme.example")
    sim.post(f"/v1/customers/{customer['id']}", email="new@acme.example")

    assert sim.get("/v1/customers", email="old@acme.example")["data"] == []
    assert len(sim.get("/v1/customers", email="new@acme.example")["data"]) == 1


def test_expansion_replaces_ids_along_a_path(sim: StripeSim) -> None:
    charge = sim.charge(5000)

    paid = sim.get("/v1/invoice_payments", expand=["data.payment.payment_intent.latest_charge"], status="paid")
    one = sim.get(f"/v1/charges/{charge['id']}", expand=["balance_transaction", "customer", "refunds"])

    assert paid["data"][0]["payment"]["payment_intent"]["latest_charge"]["id"] == charge["id"]
    assert one["balance_transaction"]["net"] == 5000 - 175
    assert one["customer"]["object"] == "customer"
    assert one["refunds"]["data"] == []
    assert "refunds" not in sim.get(f"/v1/charges/{charge['id']}")


@pytest.mark.parametrize("path", ["customer.mother", "data.customer", "lines.data.price.product.x"])
def test_what_cannot_be_expanded_is_refused_before_anything_happens(sim: StripeSim, path: str) -> None:
    customer = sim.customer()

    error = sim.refused("POST", "/v1/invoices", customer=customer["id"], expand=[path])

    assert error["param"] == "expand"
    assert sim.objects("invoice") == []


def test_a_deleted_customer_is_a_stub(sim: StripeSim) -> None:
    customer = sim.customer()
    invoice = sim.draft(500, customer=customer["id"])
    sim.ok("DELETE", f"/v1/customers/{customer['id']}")

    stub = {"id": customer["id"], "object": "customer", "deleted": True}
    assert sim.get(f"/v1/customers/{customer['id']}") == stub
    assert sim.get(f"/v1/invoices/{invoice['id']}", expand=["customer"])["customer"] == stub
    assert sim.refused("POST", f"/v1/customers/{customer['id']}", name="x")["status"] == 404


def test_search_lags_behind_writes(sim: StripeSim) -> None:
    sim.customer(metadata={"sf_record_id": "001A"})
    query = "metadata['sf_record_id']:'001A'"

    at_once = sim.get("/v1/customers/search", query=query)["data"]
    sim.control("/clock", advance=61)
    later = sim.get("/v1/customers/search", query=query)["data"]

    assert at_once == []
    assert len(later) == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("email:'a@acme.example'", ["A"]),
        ('name~"corp"', ["B Corp"]),
        ("-email:'a@acme.example'", ["B Corp"]),
        ("name:'A' OR name:'B Corp'", ["B Corp", "A"]),
        ("name:'A' AND email:'b@acme.example'", []),
        ("metadata['tier']:'gold' AND created>0", ["A"]),
        ("metadata['tier']:null", ["B Corp"]),
        (r"name:'It\'s'", []),
    ],
)
def test_search_understands_its_query_language(sim: StripeSim, query: str, found: list[str]) -> None:
    sim.control("/settings", search_lag=0)
    sim.customer(name="A", email="a@acme.example", metadata={"tier": "gold"})
    sim.customer(name="B Corp", email="b@acme.example")

    assert names(sim.get("/v1/customers/search", query=query)) == found


@pytest.mark.parametrize("query", ["", "name", "shoe_size:'9'", "name:'A' AND email:'b' OR phone:'c'", "metadata:'x'"])
def test_a_query_that_cannot_be_read_is_refused(sim: StripeSim, query: str) -> None:
    assert sim.refused("GET", "/v1/customers/search", query=query)["param"] == "query"


def test_search_has_pages_of_its_own(sim: StripeSim) -> None:
    sim.control("/settings", search_lag=0)
    for number in range(3):
        sim.customer(name=f"c{number}")

    first = sim.get("/v1/customers/search", query="name~'c'", limit=2)
    second = sim.get("/v1/customers/search", query="name~'c'", limit=2, page=first["next_page"])

    assert [names(first), names(second)] == [["c2", "c1"], ["c0"]]
    assert second["next_page"] is None


def test_a_table_that_keeps_only_so_many_rows_drops_the_oldest() -> None:
    table = Table(keep=2)
    for number in range(5):
        table.add({"id": f"evt_{number}"})

    newest = table.newest({}, older_than=None, newer_than=None)

    assert [row["id"] for row in newest] == ["evt_4", "evt_3"]


def test_lines_are_paged_in_both_directions(sim: StripeSim) -> None:
    draft = sim.draft(1, 2, 3, 4)
    rows = draft["lines"]["data"]
    path = f"/v1/invoices/{draft['id']}/lines"

    after = sim.get(path, limit=2, starting_after=rows[0]["id"])
    before = sim.get(path, limit=2, ending_before=rows[3]["id"])

    assert [row["amount"] for row in after["data"]] == [2, 3]
    assert [row["amount"] for row in before["data"]] == [2, 3]
    assert (after["has_more"], before["has_more"]) == (True, True)
    assert sim.refused("GET", path, starting_after="il_unknown")["status"] == 400
    assert sim.refused("GET", path, starting_after=rows[0]["id"], ending_before=rows[1]["id"])["status"] == 400
