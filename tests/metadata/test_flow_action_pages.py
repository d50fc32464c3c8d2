"""The pages of the Flow actions are what the classes say."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

from tests.metadata import apex
from tests.metadata.tree import ROOT, load

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("flow_actions", PROJECT / "tools/describe_flow_actions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["flow_actions"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_page_and_panel_is_as_the_classes_are_now(writer: ModuleType):
    wanted = writer.written()
    there = {str(path.relative_to(PROJECT)): path.read_text("utf-8") for path in (PROJECT / writer.PAGES).iterdir()}

    assert there == wanted, "run tools/describe_flow_actions.py"


def test_every_invocable_class_has_a_page_with_every_input(writer: ModuleType):
    classes = apex.classes(load(ROOT))
    with_action = {
        name for name, text in classes.items() if any(x.annotation == "InvocableMethod" for x in apex.methods(text))
    }

    found = {each.apex: each for each in writer.found_actions()}

    assert found.keys() == with_action
    for name, action in found.items():
        annotated = len(re.findall(r"@InvocableVariable", classes[name]))
        assert len(action.inputs) == annotated > 0
        picture = ET.fromstring(writer.panel(action, {}))
        told = {
            "".join(text.itertext()).removeprefix("* ") for text in picture.iter("{http://www.w3.org/2000/svg}text")
        }
        assert {each.label for each in action.inputs} <= told


def test_an_example_fills_in_inputs_that_exist_and_a_refusal_is_one_of_the_gateway(writer: ModuleType):
    troubleshooting = (PROJECT / "docs/troubleshooting.md").read_text("utf-8")
    notes = writer.tomllib.loads(writer.NOTES.read_text("utf-8"))

    for action in writer.found_actions():
        told = notes.pop(action.apex)
        assert told["example"].keys() <= {each.name for each in action.inputs}
        assert [code for code in told["refusals"] if f"`{code}`" not in troubleshooting] == []
    assert notes.keys() == {"all"}
