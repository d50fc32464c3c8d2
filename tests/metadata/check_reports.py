"""Report types, reports and dashboards: every column, grouping, filter value and source report exists."""

from __future__ import annotations

from collections.abc import Iterator

from tests.metadata.tree import NAMESPACE, Component, Tree, picklist

OWN_COLUMNS = {"Name", "Owner", "CreatedDate", "LastModifiedDate"}
MONEY_GROUPS = {"Currency_Code__c", "Settlement_Currency__c"}


def findings(tree: Tree) -> list[str]:
    """Every dangling column, every sum across currencies, every dashboard that runs as somebody."""
    checks = (_types, _reports, _dashboards)
    return [problem for check in checks for problem in check(tree)]


def _types(tree: Tree) -> Iterator[str]:
    for name, kind in tree.named("ReportType").items():
        base = kind.text("baseObject")
        tables = {base: base}
        if relation := kind.text("join/relationship"):
            child = _child(tree, base, relation.removesuffix("__r"))
            tables[f"{base}.{relation}"] = child
            if not child:
                yield f"report type {name}: {base} has no children {relation}"
        for element in kind.each("sections/columns"):
            table, column = element.findtext(f"{NAMESPACE}table") or "", element.findtext(f"{NAMESPACE}field") or ""
            if column not in OWN_COLUMNS and (tables.get(table, ""), column) not in tree.fields:
                yield f"report type {name}: {table}.{column} does not exist"


def _child(tree: Tree, parent: str, relationship: str) -> str:
    for (sobject, _), found in tree.fields.items():
        if found.text("referenceTo") == parent and found.text("relationshipName") == relationship:
            return sobject
    return ""


def _reports(tree: Tree) -> Iterator[str]:
    for report in tree.of("Report"):
        yield from (f"report {report.name}: {problem}" for problem in _report(tree, report))
    for kind, folder in (("Report", "ReportFolder"), ("Dashboard", "DashboardFolder")):
        for each in tree.of(kind):
            if each.path.parent.name not in tree.named(folder):
                yield f"{kind.lower()} {each.name}: folder {each.path.parent.name} does not exist"


def _report(tree: Tree, report: Component) -> Iterator[str]:
    kind = tree.named("ReportType").get(report.text("reportType").removesuffix("__c"))
    if kind is None:
        yield f"report type {report.text('reportType')} does not exist"
        return
    offered = {f"{row['table']}${row['field']}" for row in _columns(kind)}
    grouped = [element.text or "" for element in report.each("groupingsDown/field")]
    plain = [element.text or "" for element in report.each("columns/field")]
    used = [*plain, *grouped, *(element.text or "" for element in report.each("filter/criteriaItems/column"))]
    yield from (f"{column} is not offered by its report type" for column in used if column not in offered)
    yield from (f"{column} is a column and a grouping" for column in set(plain) & set(grouped))
    if report.text("timeFrameFilter/dateColumn") not in offered:
        yield "its date column does not exist"
    sums = any(report.each("columns/aggregateTypes")) or any(report.each("chart"))
    if sums and (not grouped or grouped[0].rpartition("$")[2] not in MONEY_GROUPS):
        yield "adds up amounts without grouping by currency first"
    if len(report.text("description")) > 255:
        yield "its description is longer than 255"
    for row in report.rows("filter/criteriaItems"):
        sobject, _, name = row["column"].partition("$")
        found = tree.fields.get((sobject, name))
        values = set(picklist(found)) if found is not None else set()
        yield from (f"{name} is never {value}" for value in row["value"].split(",") if values and value not in values)


def _columns(kind: Component) -> Iterator[dict[str, str]]:
    yield from kind.rows("sections/columns")


def _dashboards(tree: Tree) -> Iterator[str]:
    reports = {f"{each.path.parent.name}/{each.name}" for each in tree.of("Report")}
    for name, dashboard in tree.named("Dashboard").items():
        if dashboard.text("dashboardType") != "LoggedInUser" or dashboard.text("runningUser"):
            yield f"dashboard {name}: runs as one user, whose name another org does not have"
        for section in ("leftSection", "middleSection", "rightSection"):
            for element in dashboard.each(f"{section}/components/report"):
                if element.text not in reports:
                    yield f"dashboard {name}: report {element.text} does not exist"
