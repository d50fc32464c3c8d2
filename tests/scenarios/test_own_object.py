"""An object of the customer's own is billed like any other: its rows point to it, and its record is stamped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gateway.sandbox.identity import ADMIN
from gateway.sandbox.processes import free_port
from gateway.sandbox.salesforce.app import create_app
from gateway.sandbox.salesforce.world import SalesforceWorld
from gateway.sandbox.wire import Server
from tests.scenarios.hostile import judge
from tests.scenarios.lab import MACHINE, Lab, Profile, ask, until
from tests.support.own_object import metadata_with_projects

HOSTILE = {"base": "hostile", "flows": {"Project__c": "create-payment-link"}}  # of which amount, the flow does not say
LINK = {"object": "Project__c", "amount": "120.00", "currency": "USD", "description": "First milestone", "entity": "us"}


class ProjectLab(Lab):
    """An org that bills projects."""

    def _start_salesforce(self, profile: Profile, features: Sequence[str]) -> str:
        url = f"http://127.0.0.1:{(port := free_port())}"
        file = self.identity.write_salesforce(
            self.folder, gateway=self.callouts, audience=url, profile=profile, features=list(features)
        )
        changes = {"metadata": str(metadata_with_projects(self.folder)), "fls": "off"}
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
        self.salesforce_server = Server(create_app(SalesforceWorld.load(file)), port)
        return self.salesforce_server.start()


@pytest.fixture(params=[pytest.param("plain", id=pytest.HIDDEN_PARAM), pytest.param(HOSTILE, id="hostile")])
def lab(request: pytest.FixtureRequest, tmp_path: Path, sqlite_url: str) -> Iterator[ProjectLab]:
    (tmp_path / "world").mkdir()
    made = ProjectLab(tmp_path / "world", sqlite_url, profile=request.param)
    text = made.config_file.read_text().replace("[orgs.northwind]", '[orgs.northwind]\nobjects = ["Project__c"]')
    made.config_file.write_text(f'{text}\n[mappings.Project__c]\nlookup = "Project__c"\n')
    try:
        yield made
        if request.param == HOSTILE:
            asyncio.run(judge(made))
    finally:
        made.close()


def test_the_rows_of_an_action_point_to_the_record_it_began_at(lab: ProjectLab) -> None:
    fields = {"Name": "Harbor refit", "OwnerId": ADMIN}
    project = lab.control("salesforce", "POST", "records", {"sobject": "Project__c", "fields": fields})["id"]

    async def story() -> None:
        async with lab.gateway() as gateway:
            answer = await ask(gateway, "create-payment-link", {**LINK, "record_id": project}, key="k", caller=MACHINE)
            assert answer.envelope["success"], answer.envelope
            await until(lambda: lab.record("Project__c", project).get("Stripe_Status__c") is not None)

    asyncio.run(story())

    [link], [action] = lab.records("Stripe_Payment_Link__c"), lab.asked()
    assert (link["Project__c"], action["Project__c"]) == (project, project)
    assert lab.record("Project__c", project)["Stripe_Status__c"] == "Payment Link Active"
