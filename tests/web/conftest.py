from collections.abc import Iterator

import pytest

from tests.support.edge import Edge, configuration, serving


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """One running server per file; a test looks at what it added to ``reached``."""
    with serving(configuration(tmp_path_factory.mktemp("edge"))) as running:
        yield running
        assert running.crashed == []
