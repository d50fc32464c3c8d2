"""The package's custom labels: what Apex says is read from where Apex reads it."""

from functools import lru_cache
from pathlib import Path

from gateway.sandbox.salesforce.metadata import children, read, text

LABELS = Path("main", "core", "labels", "CustomLabels.labels-meta.xml")


@lru_cache(maxsize=4)
def labels(tree: Path) -> dict[str, str]:
    """Text by name; a tree without labels has none."""
    path = tree / LABELS
    return (
        {text(node, "fullName"): text(node, "value") for node in children(read(path), "labels")}
        if path.exists()
        else {}
    )


def label(tree: Path, name: str, *arguments: object) -> str:
    """The text with its places filled; the name itself where the tree has no such label."""
    told = labels(tree).get(name, name)
    for place, argument in enumerate(arguments):
        told = told.replace(f"{{{place}}}", str(argument))
    return told
