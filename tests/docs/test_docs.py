"""What the pages name exists: links, commands, options, error codes, metrics, fault kinds."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway.cli import app
from gateway.observability import Metrics
from gateway.sandbox.faults import WIRE_KINDS
from gateway.sandbox.salesforce.faults import RECORD_KINDS, REQUEST_KINDS
from gateway.sandbox.stripe.trouble import APP_KINDS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SOURCE = "\n".join(path.read_text() for path in sorted((ROOT / "gateway").rglob("*.py")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())

    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_and_option_exists(page: Path) -> None:
    lines = re.findall(r"^(?:\.venv/bin/)?gateway (.+)$|`gateway ([^`]+)`", page.read_text(), re.MULTILINE)

    unknown = [line for pair in lines if (line := pair[0] or pair[1]) and not exists(line)]

    assert unknown == []


def exists(line: str) -> bool:
    words = shlex.split(line.partition("#")[0].replace("…", "x"), comments=False)
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options = [word for word in words if word.startswith("--")]
    return not (hasattr(command, "commands") and words) and set(options) <= known | {"--json", "--help"}


def test_every_error_code_in_troubleshooting_is_one_the_gateway_uses() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text()
    codes = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text))

    named = {code for code in codes if not code.startswith("gateway_")}

    assert [code for code in sorted(named) if code not in SOURCE] == []


def metrics() -> set[str]:
    """Every family of ``/metrics``, without the prefix all of them have."""
    shown = set(re.findall(r"^# TYPE gateway_(\w+)", Metrics().render().decode(), re.MULTILINE))
    watched = re.findall(r'metrics\.watch\(\s*"(\w+)"([^\n]*)', SOURCE)
    return shown | {f"{name}_total" if "counter=True" in rest else name for name, rest in watched}


def explained(page: str) -> set[str]:
    """What the page says of metrics: every ``gateway_…``, and the first column of the table."""
    text = (ROOT / page).read_text()
    section = text[text.index("## Metrics") : text.index("## Logs")] if "## Metrics" in text else ""
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    found = {name for name in re.findall(r"`gateway_(\w+)", text) if f'"gateway_{name}"' not in SOURCE}
    return found | set(re.findall(r"`([a-z_]+)(?:\{[a-z,]+\})?`", " ".join(cells)))


@pytest.mark.parametrize("page", ["docs/operating.md", "docs/troubleshooting.md"])
def test_every_metric_that_is_explained_exists(page: str) -> None:
    assert sorted(explained(page) - metrics()) == []


def test_every_metric_is_explained_to_the_operator() -> None:
    assert sorted(metrics() - explained("docs/operating.md")) == []


# Whoever raises one of these tells its code first.
ERRORS = {
    "Rejected", "Refused", "Undone", "Unavailable", "Unreachable", "Throttled", "UnknownOutcome", "Misconfigured",
    "CircuitOpen", "_bad", "_unknown", "unclear",
}  # fmt: skip


def told(tree: ast.AST) -> Iterator[str]:
    """Error codes written as literals where an error is made, or where an error class names its own."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in ERRORS or name == "__init__":
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def test_every_error_code_is_explained_in_troubleshooting() -> None:
    folder = ROOT / "gateway"
    sources = [path for path in folder.rglob("*.py") if "sandbox" not in path.relative_to(folder).parts]
    codes = {code for path in sources for code in told(ast.parse(path.read_text()))}
    page = set(re.findall(r"`(\w+)`", (ROOT / "docs/troubleshooting.md").read_text()))

    assert len(codes) > 60
    assert sorted(code for code in codes if re.fullmatch(r"\w+", code) and code not in page) == []


def test_the_sandbox_page_lists_every_fault_kind_the_simulators_know() -> None:
    text = (ROOT / "docs/sandbox.md").read_text()
    listed = re.findall(r"`(\w+)`", text[text.index("Kinds:") : text.index("## How far")])

    assert sorted(listed) == sorted({*WIRE_KINDS, *APP_KINDS, *REQUEST_KINDS, *RECORD_KINDS})


def test_what_the_finance_page_names_is_in_the_package() -> None:
    text = (ROOT / "docs/for-finance.md").read_text()
    package = ROOT / "salesforce_metadata/main"
    fields = {path.name.partition(".")[0] for path in package.glob("*/objects/*/fields/*-meta.xml")}
    labels = "\n".join(
        path.read_text() for path in [*package.rglob("*.report-meta.xml"), *package.rglob("*.listView-meta.xml")]
    )
    named = re.findall(r"(?:report|list views?) \*([^*]+)\*(?: and \*([^*]+)\*)?", text)

    assert sorted(set(re.findall(r"`(\w+__c)`", text)) - fields) == []
    assert len(named) >= 6
    assert [name for pair in named for name in pair if name and f">{name}<" not in labels] == []
