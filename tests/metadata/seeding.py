"""How defects are put into the metadata: in memory, one at a time."""

from __future__ import annotations

from pathlib import Path

from tests.metadata import checks
from tests.metadata.tree import ROOT, Tree, load, read
from tests.metadata.written import written

TREE = load()
WRITTEN = written()


def found(tree: Tree) -> list[str]:
    """What all checks say."""
    return checks.findings(tree, WRITTEN)


def changed(file: str, old: str | None, new: str | None) -> Tree:
    """The project with one file changed, or without it where ``old`` is None."""
    good = (ROOT / file).read_text(encoding="utf-8")
    if old is None or new is None:
        return TREE.altered(file)
    assert old in good, "the defect no longer applies"
    if not file.endswith(".xml"):
        return TREE.adding(**{file: good.replace(old, new, 1)})
    return TREE.altered(file, read(Path(file), good.replace(old, new, 1)))
