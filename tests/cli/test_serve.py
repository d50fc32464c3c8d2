"""serve as an operator starts it: what keeps it from starting is one line and exit code 2."""

from __future__ import annotations

import subprocess
import sys

from gateway.sandbox.stripe.app import create_app
from gateway.sandbox.stripe.world import StripeWorld
from gateway.sandbox.wire import Server
from tests.cli.conftest import Installation


def test_the_key_of_another_account_ends_it_with_words_and_exit_code_2(migrated: Installation) -> None:
    elsewhere = [{"id": "acct_1Elsewhere", "keys": ["sk_test_acme0000000000000"]}]
    with Server(create_app(StripeWorld.of(elsewhere))) as stripe:
        text = migrated.file.read_text().replace("http://127.0.0.1:9", stripe.url, 1)
        migrated.file.write_text(text.replace("[server]", "[server]\nport = 0"))

        ended = subprocess.run(
            [sys.executable, "-m", "gateway", "serve", "--config", str(migrated.file)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert ended.returncode == 2
    assert "wrong_account: entities.us.secret_key belongs to acct_1Elsewhere" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
