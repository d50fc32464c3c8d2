import pytest

from gateway.projections.sync_issue import IssueFacts, project
from gateway.records import SourceRef

FACTS = {
    "kind": "write_failed",
    "sobject": "Opportunity",
    "record_key": "0065g00000AbCdEAAV",
    "first_seen": 1764460800.0,
    "last_seen": 1764464400.0,
    "message": "Closed opportunities cannot be changed.",
}


def test_a_write_that_was_refused_tells_where_and_in_whose_words():
    row = project(IssueFacts(**FACTS, hint="Exempt the integration user.", source=SourceRef("Opportunity", "006X")))

    assert row.key == "write_failed:Opportunity:0065g00000AbCdEAAV:"
    assert row.fields["Message__c"] == "Closed opportunities cannot be changed."
    assert (row.fields["First_Seen_At__c"], row.fields["Last_Seen_At__c"]) == (
        "2025-11-30T00:00:00Z",
        "2025-11-30T01:00:00Z",
    )
    assert (row.fields["Opportunity__c"], row.fields["Resolved__c"]) == ("006X", False)


def test_the_same_issue_is_the_same_row_however_often_it_is_seen():
    again = FACTS | {"last_seen": 1764470000.0, "message": "Still closed."}

    assert project(IssueFacts(**FACTS)).key == project(IssueFacts(**again)).key


def test_issues_about_different_fields_are_different_rows_even_with_very_long_keys():
    long = FACTS | {"kind": "drift", "record_key": "k" * 255}

    one, other = (project(IssueFacts(**long, field=field)).key for field in ("Total__c", "Status__c"))

    assert one != other
    assert max(len(one), len(other)) <= 255


@pytest.mark.parametrize(("source", "lookup"), [("Order", "Order__c"), ("Project__c", "Project__c")])
def test_an_issue_about_an_optional_object_has_no_lookup(source, lookup):
    assert lookup not in project(IssueFacts(**FACTS, source=SourceRef(source, "801X"))).fields


def test_a_resolved_issue_stays_as_history():
    fields = project(IssueFacts(**FACTS, resolved_at=1764468000.0)).fields

    assert (fields["Resolved__c"], fields["Resolved_At__c"]) == (True, "2025-11-30T02:00:00Z")
