"""Events go where a failing log stops nothing, as they do in the gateway."""

import pytest


@pytest.fixture(autouse=True)
def as_in_the_gateway(plain_logs: None) -> None:
    pass
