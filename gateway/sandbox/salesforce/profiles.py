"""Org profiles as data: how much a customer has customised the org the gateway writes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class OrgRule:
    """A validation rule of the customer's own; the formula is evaluated like those of the package."""

    sobject: str
    name: str
    formula: str
    message: str


@dataclass(frozen=True)
class Profile:
    """
    ``locks``: names of records under approval, per object. ``assignment``: object → user name that an active
    assignment rule makes the owner. ``trigger_limits``: object → records in one call above which a trigger fails.
    ``private_rows``: records of custom objects whose sharing model is private are seen by whoever owns them only.
    ``flows``: object → action that a flow asks the gateway for on every save, whoever saves and whatever changed: by a
    row of the outbox in the same transaction, or with ``flow_calls`` by a callout of its own after it.
    """

    name: str
    rules: tuple[OrgRule, ...] = ()
    locks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assignment: Mapping[str, str] = field(default_factory=dict)
    trigger_limits: Mapping[str, int] = field(default_factory=dict)
    flows: Mapping[str, str] = field(default_factory=dict)
    flow_calls: bool = False
    private_rows: bool = False
    inactive_owner: bool = False
    merged_account: bool = False
    cloned_opportunity: bool = False
    without: frozenset[str] = frozenset()


PLAIN = Profile(name="plain")

HOSTILE = Profile(
    name="hostile",
    rules=(
        OrgRule(
            sobject="Opportunity",
            name="Closed_opportunities_are_final",
            formula="AND(NOT(ISNEW()), PRIORVALUE(IsClosed), NOT($Permission.Edit_Closed_Opportunities))",
            message="Closed opportunities can only be changed by Sales Operations.",
        ),
        OrgRule(
            sobject="Case",
            name="Closed_cases_are_final",
            formula="AND(NOT(ISNEW()), PRIORVALUE(IsClosed))",
            message="Closed cases cannot be changed. Open a follow-up case instead.",
        ),
    ),
    locks={"Opportunity": ("Locked by approval",), "Quote": ("Locked by approval",)},
    assignment={"Case": "dispatcher"},
    trigger_limits={"Opportunity": 20, "Account": 20},
    flows={"Opportunity": "send-invoice", "Account": "create-customer", "Case": "create-payment-link"},
    private_rows=True,
    inactive_owner=True,
    merged_account=True,
    cloned_opportunity=True,
    without=frozenset({"quotes"}),
)

PROFILES = {profile.name: profile for profile in (PLAIN, HOSTILE)}
