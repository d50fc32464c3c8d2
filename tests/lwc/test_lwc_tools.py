"""The Lightning components under Salesforce's compiler, linter and test runner: see ``tools/ensure-node tests/lwc``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.lwc.node import CORE, HERE, ROOT, node

LWC = CORE / "lwc"
ESLINT = (
    "tests/lwc/node_modules/eslint/bin/eslint.js",
    "--config",
    "tests/lwc/eslint.config.js",
    "--max-warnings",
    "0",
)
LABEL = re.compile(r"import (\w+) from '@salesforce/label/c\.(\w+)';")


def test_every_component_compiles() -> None:
    run = node("tests/lwc/checks/compile.js", LWC)

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("stripeLink/stripeLink.html", "</template>", ""),
        ("stripeLink/stripeLink.html", "{addressLabel}", "{addressLabel +}"),
        ("stripeLink/stripeLink.js", "get address() {", "get address( {"),
    ],
)
def test_the_compiler_finds_what_is_broken(tmp_path: Path, file: str, old: str, new: str) -> None:
    shutil.copytree(LWC, tmp_path / "lwc")
    spoiled = tmp_path / "lwc" / file
    text = spoiled.read_text()
    assert old in text
    spoiled.write_text(text.replace(old, new, 1))

    run = node("tests/lwc/checks/compile.js", tmp_path / "lwc")

    assert run.returncode == 1
    assert Path(file).name in run.stdout


def test_the_components_and_their_checks_are_clean() -> None:
    run = node(*ESLINT, "salesforce_metadata", "tests/lwc")

    assert run.returncode == 0, run.stdout + run.stderr


def test_the_linter_finds_what_is_wrong() -> None:
    wrong = """
        import { LightningElement, api } from 'lwc';
        export default class Wrong extends LightningElement {
            @api recordId;
            connectedCallback() {
                this.recordId = missing;
                this.template.querySelector('p').innerHTML = '<b>text</b>';
                setTimeout(() => {}, 1);
            }
        }
    """

    run = node(*ESLINT, "--stdin", "--stdin-filename", "salesforce_metadata/main/core/lwc/wrong/wrong.js", text=wrong)

    assert run.returncode == 1
    for rule in ("no-undef", "no-api-reassignments", "no-inner-html", "no-async-operation"):
        assert rule in run.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_components_do_what_their_specs_say() -> None:
    run = node(
        HERE / "node_modules/jest/bin/jest.js", "--config", HERE / "jest.config.cjs", "--coverage", "--silent",
        cwd=ROOT / "salesforce_metadata",
    )  # fmt: skip

    assert run.returncode == 0, (run.stdout + run.stderr)[-8000:]


def labels() -> dict[str, str]:
    tree = ET.parse(CORE / "labels" / "CustomLabels.labels-meta.xml")
    names = {"m": "http://soap.sforce.com/2006/04/metadata"}
    rows = tree.iterfind("m:labels", names)
    return {row.findtext("m:fullName", "", names): row.findtext("m:value", "", names) for row in rows}


def test_every_word_of_the_components_is_a_label_and_every_label_is_used() -> None:
    modules = {path.parent.name: path.read_text() for path in LWC.glob("*/*.js")}
    templates = "\n".join(path.read_text() for path in LWC.glob("*/*.html"))
    imported = {name: word for text in modules.values() for word, name in LABEL.findall(text)}
    ours = {name for name in labels() if name.startswith(("Stripe_Card_", "Stripe_Link_", "Stripe_Panel_"))}

    written = [text.strip() for text in re.findall(r">([^<>{}]+)<", templates) if re.search(r"[A-Za-z]", text)]
    used = "\n".join([templates, *(text for name, text in modules.items() if not name.endswith("Labels"))])
    unused = [name for name, word in imported.items() if f"labels.{word.removesuffix('Word')}" not in used]

    assert written == []
    assert set(imported) == ours
    assert unused == []


def test_every_label_fits_salesforce() -> None:
    for name, text in labels().items():
        assert re.fullmatch(r"[A-Za-z](?!.*__)[A-Za-z0-9_]{0,79}(?<!_)", name)
        assert 0 < len(text) <= 1000
