"""config check and show: everything wrong at once, and never a secret."""

from __future__ import annotations

import json

from tests.cli.conftest import Installation


def test_a_right_configuration_is_called_fine(installation: Installation) -> None:
    result = installation.run("config", "check")

    assert result.exit_code == 0
    assert "is fine" in result.stdout
    assert "acme" in result.stdout


def test_every_problem_is_named_with_its_line_and_the_exit_code_is_2(installation: Installation) -> None:
    text = installation.file.read_text()
    installation.file.write_text(text.replace("audience", "audiense").replace("acct_1AcmeUS000000000", "us account"))

    result = installation.run("config", "check")

    assert result.exit_code == 2
    assert "gateway.toml:2" in result.stderr
    assert "did you mean audience?" in result.stderr
    assert "entities.us.account" in result.stderr


def test_problems_as_json_have_file_line_key_message_and_suggestion(installation: Installation) -> None:
    installation.file.write_text(installation.file.read_text().replace("audience", "audiense"))

    result = installation.run("config", "check", "--json")

    assert result.exit_code == 2
    [problem] = json.loads(result.stdout)["problems"]
    assert list(problem) == ["file", "line", "key", "message", "suggestion"]
    assert problem["line"] == 2


def test_a_missing_file_is_a_message_and_not_a_traceback(installation: Installation) -> None:
    installation.file.unlink()

    result = installation.run("config", "check")

    assert result.exit_code == 2
    assert "gateway.toml" in result.stderr
    assert "Traceback" not in result.output


def test_the_effective_configuration_shows_defaults_and_no_secret(installation: Installation) -> None:
    result = installation.run("config", "show")

    shown = json.loads(result.stdout)
    assert shown["server"]["wait_seconds"] == 8.0
    assert "sk_test_acme" not in result.stdout
    assert "c2VhbGluZy1rZXkt" not in result.stdout
    assert "PRIVATE KEY" not in result.stdout
