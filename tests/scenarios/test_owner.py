"""Our rows belong to whoever owns the record they are for, so that its people see them; else to the gateway's user."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway.app import Gateway
from gateway.sandbox.identity import INTEGRATION, REP
from gateway.sandbox.processes import free_port
from gateway.sandbox.salesforce.app import create_app as salesforce_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import Server
from gateway.sources.reading import owner
from tests.scenarios.lab import MACHINE, Lab, ask, until
from tests.scenarios.test_outbox import tell

OTHER = "005SB0000000005YAA"  # another rep, with the same permission sets
BARE = "005SB0000000006YAA"  # a user without any of ours
LEFT = "005SB0000000004YAA"  # has left
ROWS = ("Stripe_Customer__c", "Stripe_Invoice__c", "Stripe_Action__c")
Row = dict[str, Any]


class Team(Lab):
    """An org that keeps private what its objects say is private, with a second rep and a bare user."""

    def _start_salesforce(self, profile: str, features: Sequence[str]) -> str:
        url = f"http://127.0.0.1:{(port := free_port())}"
        path = self.identity.write_salesforce(
            self.folder, gateway="http://127.0.0.1:9", audience=url, profile=profile, features=list(features)
        )
        org = json.loads(path.read_text(encoding="utf-8"))
        org["profile"] = {"base": profile, "private_rows": True}
        rep = ["Stripe_Gateway_Rep", "Stripe_Gateway_Refunds"]
        org["users"] += [
            {"id": OTHER, "username": "omar@northwind.example", "name": "Omar Other", "permission_sets": rep},
            {"id": BARE, "username": "bo@northwind.example", "name": "Bo Bare"},
        ]
        path.write_text(json.dumps(org), encoding="utf-8")
        self.salesforce_server = Server(salesforce_app(SalesforceWorld.load(path)), port)
        return self.salesforce_server.start()

    def seen_by(self, user: str, sobject: str) -> list[str]:
        """Ids of the rows that sharing shows to a user who asks over the API."""
        token = self.control("salesforce", "POST", "login", {"user": user})["access_token"]
        answer = requests.get(
            f"{self.salesforce_url}/services/data/v65.0/query",
            params={"q": f"SELECT Id FROM {sobject}"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
        )
        assert answer.ok, answer.text
        return [row["Id"] for row in answer.json()["records"]]

    def owners(self, sobject: str) -> list[str]:
        return [row["OwnerId"] for row in self.records(sobject)]

    def writes(self) -> int:
        return sum("/composite/graph" in call["path"] for call in self.calls("salesforce"))


@pytest.fixture
def team(tmp_path: Path, sqlite_url: str) -> Iterator[Team]:
    made = Team(tmp_path, sqlite_url)
    made.save("Opportunity", {"OwnerId": REP}, made.fleet)
    made.save("Account", {"OwnerId": REP}, made.account)
    yield made
    made.close()


async def invoiced(team: Team, gateway: Gateway, *, key: str = "k", **members: Any) -> Row:
    """Written back, whoever owns it; as an automation, which reads the record and is nobody's user."""
    answer = await ask(gateway, "send-invoice", {"record_id": team.fleet, **members}, key=key, caller=MACHINE)
    assert answer.envelope["success"], answer.envelope
    sent = answer.envelope["stripe_id"]
    await until(
        lambda: any(row["Stripe_Id__c"] == sent for row in team.records("Stripe_Invoice__c")), what="the invoice's row"
    )
    await until(lambda: answer.action_id in {r["Gateway_Action_Id__c"] for r in team.records("Stripe_Action__c")})
    return next(row for row in team.records("Stripe_Invoice__c") if row["Stripe_Id__c"] == sent)


def test_who_owns_the_record_sees_its_rows_and_another_rep_does_not(team: Team) -> None:
    async def story(gateway: Gateway) -> None:
        await invoiced(team, gateway)

        for sobject in ROWS:
            assert set(team.owners(sobject)) == {REP}
            assert team.seen_by(REP, sobject) == [row["Id"] for row in team.records(sobject)]
            assert team.seen_by(OTHER, sobject) == []
            assert len(team.seen_by(INTEGRATION, sobject)) == len(team.records(sobject))

    tell(team, story)


def test_the_rows_follow_when_another_owner_is_read(team: Team) -> None:
    async def story(gateway: Gateway) -> None:
        await invoiced(team, gateway)
        team.save("Opportunity", {"OwnerId": OTHER}, team.fleet)

        await invoiced(team, gateway, key="next", additional=True)

        await until(lambda: team.owners("Stripe_Invoice__c") == [OTHER, OTHER], what="both invoices' owner")
        assert team.seen_by(REP, "Stripe_Invoice__c") == []

    tell(team, story)


def test_where_the_record_is_not_read_its_other_rows_say_whose_it_is(team: Team) -> None:
    async def story(gateway: Gateway) -> None:
        await invoiced(team, gateway)
        before = [call for call in team.calls("salesforce") if call["path"].endswith("/composite")]

        made = await invoiced(team, gateway, key="next", **{**team.invoice_members(), "additional": True})

        assert made["OwnerId"] == REP
        after = [call for call in team.calls("salesforce") if call["path"].endswith("/composite")]
        assert len(after) == len(before)

    tell(team, story)


@pytest.mark.parametrize("owner", [LEFT, BARE], ids=["has left", "may not read our objects"])
def test_a_row_that_its_owner_cannot_own_stays_with_the_gateway_and_is_written(team: Team, owner: str) -> None:
    async def story(gateway: Gateway) -> None:
        team.save("Opportunity", {"OwnerId": owner}, team.fleet)
        await invoiced(team, gateway)

        assert team.owners("Stripe_Invoice__c") == [INTEGRATION]
        await until(lambda: team.record("Opportunity", team.fleet)["Stripe_Status__c"] == "Invoice Open")

    tell(team, story)


def test_an_owner_who_leaves_before_the_row_is_written_does_not_keep_it_from_being_written(team: Team) -> None:
    async def story(gateway: Gateway) -> None:
        await invoiced(team, gateway)
        team.save("User", {"IsActive": False}, REP)

        made = await invoiced(team, gateway, key="next", **{**team.invoice_members(), "additional": True})

        assert made["OwnerId"] == INTEGRATION
        assert team.record("Opportunity", team.fleet)["Stripe_Invoice_Number__c"]

    tell(team, story)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"OwnerId": REP, "Owner": {"IsActive": True}}, REP),
        ({"OwnerId": REP, "Owner": {"IsActive": False}}, None),
        ({"OwnerId": "00GSB0000000001AAA", "Owner": {"IsActive": None}}, None),
        ({}, None),
    ],
    ids=["a user", "who has left", "a queue", "not read"],
)
def test_only_a_user_who_is_there_can_own_a_row(row: Row, found: str | None) -> None:
    assert owner(row) == found
