"""Both connectors against the simulators: the same sockets and answers the whole gateway sees in its sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.connectors import unobserved
from gateway.connectors.limits import Limiter
from gateway.connectors.salesforce import SalesforceConnector
from gateway.connectors.salesforce_types import Access, SubRequest
from gateway.connectors.stripe import StripeConnector
from gateway.errors import GatewayError, Misconfigured, Refused, Throttled, UnknownOutcome
from gateway.sandbox.salesforce.app import create_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import Server
from tests.support.salesforce_org import CONSUMER_KEY, World, full, keys, world_json
from tests.support.stripe_sim import KEY, StripeSim, stripe_sim
from tests.support.upstreams import FrozenEntity, FrozenLogin, FrozenOrg, FrozenSecret, SteppedClock, run
from tests.support.writeback import opportunities

CUSTOMER = {"name": "Acme GmbH", "email": "ap@acme.example"}


@pytest.fixture(scope="module")
def stripe() -> Iterator[StripeSim]:
    with stripe_sim() as sim:
        yield sim


@pytest.fixture
def sim(stripe: StripeSim) -> StripeSim:
    stripe.control("/reset")
    return stripe


@asynccontextmanager
async def to_stripe(sim: StripeSim, *, limited: bool = False) -> AsyncIterator[StripeConnector]:
    clock = SteppedClock()
    entity = FrozenEntity(account="acct_main", secret_key=FrozenSecret(KEY))
    limiter = Limiter(clock, enabled=limited)
    connector = StripeConnector({"us": entity}, sim.url, clock=clock, limiter=limiter, observe=unobserved)
    try:
        yield connector
    finally:
        await connector.close(grace=1)


def test_the_same_key_gives_the_first_answer_and_says_so(sim: StripeSim) -> None:
    async def main() -> None:
        async with to_stripe(sim) as connector:
            first = await connector.call("us", "POST", "/v1/customers", CUSTOMER, idempotency_key="k1")
            again = await connector.call("us", "POST", "/v1/customers", CUSTOMER, idempotency_key="k1")

            assert (again.body, again.replayed, first.replayed) == (first.body, True, False)
            with pytest.raises(Misconfigured) as raised:
                await connector.call("us", "POST", "/v1/customers", {"name": "Other"}, idempotency_key="k1")
            assert raised.value.code == "idempotency_key_reused"
        assert len(sim.objects("customer")) == 1

    run(main())


@pytest.mark.parametrize(
    ("kind", "error", "made"),
    [
        ("drop_before", UnknownOutcome, 0),
        ("drop_after", UnknownOutcome, 1),
        ("truncated", UnknownOutcome, 1),
        ("half_json", UnknownOutcome, 1),
        ("html_200", UnknownOutcome, 1),
        ("empty_200", UnknownOutcome, 1),
        ("http_500", UnknownOutcome, 0),
        ("http_502", UnknownOutcome, 0),
        ("http_503", UnknownOutcome, 0),
        ("http_409_lock", Throttled, 0),
        ("http_429", Throttled, 0),
        ("http_429_lock_timeout", Throttled, 0),
        ("http_401", Misconfigured, 0),
        ("http_403", Misconfigured, 0),
    ],
)
def test_after_any_fault_the_same_key_makes_at_most_one_object(
    sim: StripeSim, kind: str, error: type[GatewayError], made: int
) -> None:
    async def main() -> None:
        sim.fault(kind, path="/v1/customers")
        async with to_stripe(sim) as connector:
            with pytest.raises(error):
                await connector.call("us", "POST", "/v1/customers", CUSTOMER, idempotency_key="k1")
            assert len(sim.objects("customer")) == made

            if kind == "http_429_lock_timeout":  # Stripe remembers it: this key is spent
                with pytest.raises(UnknownOutcome) as raised:
                    await connector.call("us", "POST", "/v1/customers", CUSTOMER, idempotency_key="k1")
                assert raised.value.replayed
                return
            again = await connector.call("us", "POST", "/v1/customers", CUSTOMER, idempotency_key="k1")

        assert again.replayed is (made == 1)
        assert len(sim.objects("customer")) == 1

    run(main())


def test_stripes_no_names_code_and_parameter(sim: StripeSim) -> None:
    async def main() -> None:
        async with to_stripe(sim) as connector:
            with pytest.raises(Refused) as raised:
                await connector.call("us", "GET", "/v1/customers/cus_Missing1")

        assert (raised.value.code, raised.value.status, raised.value.param) == ("resource_missing", 404, "id")

    run(main())


def test_a_batch_stays_under_stripes_limits_and_a_click_overtakes_it(sim: StripeSim) -> None:
    async def main() -> None:
        sim.control("/rate_limits", on=True)
        async with to_stripe(sim, limited=True) as connector:
            paths = ["/v1/customers", "/v1/invoices", "/v1/refunds", "/v1/charges"]
            batch = [
                asyncio.create_task(connector.call("us", "GET", paths[n % 4], {"limit": 1}, priority=2))
                for n in range(60)
            ]
            await asyncio.sleep(0.2)
            await connector.call("us", "GET", "/v1/customers", {"limit": 1})
            overtaken = sum(not each.done() for each in batch)
            await asyncio.gather(*batch)  # a 429 would raise

        assert overtaken > 10  # of the sixty that were there before it

    run(main())


def test_a_list_is_read_to_its_end(sim: StripeSim) -> None:
    async def main() -> None:
        async with to_stripe(sim) as connector:
            for number in range(5):
                await connector.call("us", "POST", "/v1/customers", {"name": f"C{number}"})
            names = [item["name"] async for item in connector.list_all("us", "/v1/customers", {"limit": 2})]

        assert names == ["C4", "C3", "C2", "C1", "C0"]

    run(main())


@pytest.fixture
def org() -> Iterator[World]:
    world = world_json(seed=opportunities(5), query_batch=200)
    with Server(create_app(SalesforceWorld.from_json(world))) as server:
        yield World(server.url)


@asynccontextmanager
async def to_salesforce(org: World) -> AsyncIterator[SalesforceConnector]:
    key = cast("RSAPrivateKey", load_pem_private_key(keys()[0].encode(), None))
    login = FrozenLogin(org.url, key, username="gateway@northwind.example", consumer_key=CONSUMER_KEY)
    connector = SalesforceConnector({"acme": FrozenOrg(login)}, clock=SteppedClock(), observe=unobserved)
    try:
        yield connector
    finally:
        await connector.close(grace=1)


def test_a_long_answer_inside_a_composite_is_read_to_its_end() -> None:
    world = world_json(seed=opportunities(5), query_batch=2)

    async def main(org: World) -> None:
        async with to_salesforce(org) as connector:
            asked = SubRequest(
                "GET", "query?q=SELECT%20Id%2C%20Name%20FROM%20Opportunity%20ORDER%20BY%20Name", ref="all"
            )
            [answer] = await connector.composite("acme", [asked])
            found = await connector.whole("acme", answer.body)

        assert (len(answer.body["records"]), len(found)) == (2, 5)
        assert len({row["Id"] for row in found}) == 5

    with Server(create_app(SalesforceWorld.from_json(world))) as server:
        run(main(World(server.url)))


def test_records_access_fields_and_usage_are_read(org: World) -> None:
    async def main() -> None:
        async with to_salesforce(org) as connector:
            found = await connector.query("acme", "SELECT Id, Name FROM Opportunity ORDER BY Name")
            ids = [row["Id"] for row in found]
            access = await connector.user_record_access("acme", full("005Ws000001Rep1"), ids[:2])
            described = await connector.describe("acme", "Stripe_Invoice__c")
            usage = connector.usage("acme")

            assert [row["Name"] for row in found] == [f"Deal {n}" for n in range(5)]
            assert access == dict.fromkeys(ids[:2], Access(read=True, edit=True))
            assert described.fields["Sync_Version__c"].updateable
            assert usage is not None
            assert usage[0] >= 3

    run(main())


def test_a_composite_uses_one_answer_in_the_next_request(org: World) -> None:
    async def main() -> None:
        async with to_salesforce(org) as connector:
            first = SubRequest("GET", "query?q=SELECT+Id+FROM+Opportunity+WHERE+Name='Deal+3'", "deal")
            second = SubRequest("GET", "sobjects/Opportunity/@{deal.records[0].Id}", "record")

            _, record = await connector.composite("acme", [first, second])

            assert record.ok
            assert record.body["Name"] == "Deal 3"
            with pytest.raises(Refused):
                await connector.query("acme", "SELECT Nothing__c FROM Opportunity")

    run(main())
