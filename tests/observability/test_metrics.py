"""Metrics: what is counted, and that neither data nor attackers can make their number grow."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.observability import Metrics
from gateway.observability.metrics import operation


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_an_action_is_counted_from_acceptance_to_its_end() -> None:
    metrics = Metrics()

    metrics.accepted("send-invoice", "person")
    metrics.ended("send-invoice", "succeeded", 0.42)

    shown = samples(metrics)
    assert shown["gateway_actions_accepted_total", ("send-invoice", "person")] == 1
    assert shown["gateway_actions_ended_total", ("send-invoice", "succeeded")] == 1
    assert shown["gateway_action_seconds_sum", ("send-invoice",)] == 0.42


def test_gauges_are_read_when_they_are_asked_for() -> None:
    metrics = Metrics()
    waiting = {"ready": 3.0, "dead": 0.0}
    metrics.watch("jobs", "Jobs by state", lambda: waiting, label="state")
    metrics.watch("sender_backlog", "Rows Salesforce does not hold yet", lambda: 7)
    metrics.watch("store_commits", "Commits", lambda: 12, counter=True)

    waiting["dead"] = 2.0

    shown = samples(metrics)
    assert shown["gateway_jobs", ("ready",)] == 3
    assert shown["gateway_jobs", ("dead",)] == 2
    assert shown["gateway_sender_backlog", ()] == 7
    assert shown["gateway_store_commits_total", ()] == 12


def test_two_instances_do_not_share_anything() -> None:
    first, second = Metrics(), Metrics()

    first.accepted("send-invoice", "person")

    assert ("gateway_actions_accepted_total", ("send-invoice", "person")) not in samples(second)


def test_the_api_budget_and_the_write_back_are_shown_per_org() -> None:
    metrics = Metrics()

    metrics.salesforce_usage("acme", 1200, 15000)
    metrics.written_back("acme", "ok", rows=200, seconds=1.5)
    metrics.refused("invalid_token")
    metrics.answered("/v1/actions/{name}", 200, 0.1)

    shown = samples(metrics)
    assert shown["gateway_salesforce_api_used", ("acme",)] == 1200
    assert shown["gateway_salesforce_api_limit", ("acme",)] == 15000
    assert shown["gateway_write_back_rows_total", ("acme", "ok")] == 200
    assert shown["gateway_requests_refused_total", ("invalid_token",)] == 1
    assert shown["gateway_http_requests_total", ("/v1/actions/{name}", "200")] == 1


def test_ten_thousand_objects_do_not_make_ten_thousand_series() -> None:
    metrics = Metrics()

    for n in range(10_000):
        metrics.upstream("stripe", "POST", f"/v1/invoices/in_{n:024}/finalize", "ok", 0.02)
        metrics.upstream("stripe", "GET", f"/v1/surprise{n}", f"code_{n}", 0.02)
        metrics.accepted(f"made-up-{n}", "person")

    assert len(samples(metrics)) < 8000


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1/invoices", "/v1/invoices"),
        ("/v1/invoices/in_1PQabcDEF/finalize", "/v1/invoices/{id}/finalize"),
        ("/v1/payment_links/plink_1PQabcDEF", "/v1/payment_links/{id}"),
        ("/v1/invoice_payments?invoice=in_1", "/v1/invoice_payments"),
        ("/services/data/v65.0/composite/graph", "/services/data/v65.0/composite/graph"),
        ("/services/data/v65.0/sobjects/Account/0015g00000AbCdEAAV", "/services/data/v65.0/sobjects/Account/{id}"),
        (
            "/services/data/v65.0/sobjects/Stripe_Invoice__c/Stripe_Key__c/us:in_1",
            "/services/data/v65.0/sobjects/Stripe_Invoice__c/Stripe_Key__c/{id}",
        ),
    ],
)
def test_a_series_is_named_after_the_call_and_not_the_object(path: str, shown: str) -> None:
    assert operation("GET", path) == f"GET {shown}"
