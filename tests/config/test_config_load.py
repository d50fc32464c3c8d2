import datetime as dt
import json
from pathlib import Path

import pytest

from gateway.config import ConfigProblems, load, render_effective
from gateway.config.reference import render
from gateway.config.values import without_password
from tests.support.configuration import ENVIRON, NOW, TOML, certificate, private_pem, rsa_key, write_configuration

ROOT = Path(__file__).parents[2]

SANDBOX = """\
[stripe]
base_url = "http://127.0.0.1:4001"

[entities.us]
mode = "test"
account = "acct_1Demo"
secret_key = "sk_test_demo1234"
webhook_secrets = ["whsec_demo"]

[orgs.demo]
id = "00D000000000001EAA"
mode = "test"
entities = ["us"]

[[orgs.demo.keys]]
file = "acme.crt"

[orgs.demo.salesforce]
login_url = "http://localhost:4002"
username = "gateway@demo.test"
consumer_key = "demo-consumer"
private_key = "file:login.pem"

[sealing]
current = "k1"
keys = "file:sealing.keys"
"""

KEY_LINES = f"""\
# made by the sandbox
k1={ENVIRON["SEALING_K1"]}
index = {ENVIRON["INDEX_KEY"]}

audit={ENVIRON["AUDIT_KEY"]}
"""


def test_a_complete_file_becomes_a_configuration(tmp_path):
    config = load(write_configuration(tmp_path), ENVIRON, now=NOW)

    org, entity = config.orgs["acme"], config.entities["us"]
    assert (org.id, org.issuer, org.mode) == ("00D5g000004ABCDEA4", "00D5g000004ABCDEA4", "test")
    assert [(key.kid, key.algorithm) for key in org.keys] == [("acme-2026", "RS256")]
    assert org.keys[0].public_key.public_numbers() == rsa_key().public_key().public_numbers()
    assert org.salesforce.private_key.private_numbers() == rsa_key("login").private_numbers()
    assert entity.secret_key.reveal() == "rk_test_51abcdefghijklmnop"
    assert [secret.reveal() for secret in entity.webhook_secrets] == ["whsec_abcdefghijkl"]
    assert config.sealing.bytes_by_id() == {"k1": bytes(range(32))}
    assert config.audit.signing_key.reveal() == bytes(range(2, 34))
    assert (config.server.wait_seconds, config.server.max_body_bytes, config.warnings) == (8.0, 262_144, ())


def test_the_environment_stands_above_the_file(tmp_path):
    (tmp_path / "url").write_text("postgresql://gateway:s%2Fcret@db:5432/gateway\n")
    extra = {
        "GATEWAY_SERVER_PORT": "9000",
        "GATEWAY_SERVER_ALLOWED_HOSTS": "a.example.com, b.example.com",
        "GATEWAY_SERVER_WAIT_SECONDS": "2.5",
        "GATEWAY_DATABASE_URL_FILE": str(tmp_path / "url"),
        "GATEWAY_STRIPE_RATE_LIMITS": "false",
        "GATEWAY_CONFIG": "ignored",
    }

    config = load(write_configuration(tmp_path), ENVIRON | extra, now=NOW)

    assert (config.server.port, config.server.allowed_hosts) == (9000, ("a.example.com", "b.example.com"))
    assert (config.server.wait_seconds, config.stripe.rate_limits) == (2.5, False)
    assert config.database.url == "postgresql://gateway:s%2Fcret@db:5432/gateway"
    assert config.database.shown == "postgresql://gateway@db:5432/gateway"
    assert config.overrides["server.port"] == "GATEWAY_SERVER_PORT"


def test_a_variable_that_the_file_refers_to_is_no_setting(tmp_path):
    toml = TOML.replace("env:STRIPE_KEY", "env:GATEWAY_STRIPE_KEY")

    config = load(
        write_configuration(tmp_path, toml), ENVIRON | {"GATEWAY_STRIPE_KEY": "rk_test_abcdefghijkl"}, now=NOW
    )

    assert config.entities["us"].secret_key.reveal() == "rk_test_abcdefghijkl"


def test_a_secret_comes_from_the_file_that_name_file_names(tmp_path):
    (tmp_path / "key").write_text("rk_test_fromafile123\n")
    (tmp_path / "key").chmod(0o600)
    environ = {**ENVIRON, "STRIPE_KEY_FILE": "key"}
    del environ["STRIPE_KEY"]

    config = load(write_configuration(tmp_path), environ, now=NOW)

    assert config.entities["us"].secret_key.reveal() == "rk_test_fromafile123"
    assert config.warnings == ()


def test_a_secret_file_others_can_read_is_a_warning(tmp_path):
    path = write_configuration(tmp_path)
    (tmp_path / "login.pem").chmod(0o644)

    [warning] = load(path, ENVIRON, now=NOW).warnings

    assert "login.pem can be read by others" in str(warning)


def test_the_database_password_is_filled_in_and_never_shown(tmp_path):
    toml = TOML.replace('"sqlite:///gateway.db"', '"postgresql://gateway@db/gateway"\npassword = "env:DB_PASSWORD"')

    config = load(write_configuration(tmp_path, toml), ENVIRON | {"DB_PASSWORD": "p@ss/w:rd"}, now=NOW)

    assert config.database.url == "postgresql://gateway:p%40ss%2Fw%3Ard@db/gateway"
    assert "p%40ss" not in repr(config.database)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("sqlite:///var/gateway.db", "sqlite:///var/gateway.db"),
        ("sqlite:////srv/gateway/gateway.db", "sqlite:////srv/gateway/gateway.db"),
        ("postgresql://gateway:hunter2@db:5432/gateway", "postgresql://gateway@db:5432/gateway"),
        ("postgresql://db/gateway?sslmode=require&password=hunter2", "postgresql://db/gateway?sslmode=require"),
    ],
)
def test_an_address_is_shown_as_it_is_without_its_password(address, shown):
    assert without_password(address) == shown


def test_a_sandbox_may_write_its_secrets_into_the_file(tmp_path):
    path = write_configuration(tmp_path, SANDBOX)
    (tmp_path / "sealing.keys").write_text(KEY_LINES)
    (tmp_path / "sealing.keys").chmod(0o600)

    config = load(path, {}, now=NOW)

    assert config.entities["us"].secret_key.reveal() == "sk_test_demo1234"
    assert config.sealing.index_key.reveal() == bytes(range(1, 33))
    assert config.audit.signing_key.reveal() == bytes(range(2, 34))
    assert any("a sandbox only" in str(warning) for warning in config.warnings)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http://127.0.0.1:4001", "https://api.stripe.com"),
        ("http://localhost:4002", "https://test.salesforce.com"),
        ('[stripe]\nbase_url = "http://127.0.0.1:4001"', ""),
        ("[stripe]", '[server]\nhost = "0.0.0.0"\n[stripe]'),
    ],
)
def test_one_outside_address_and_it_is_no_sandbox(tmp_path, old, new):
    path = write_configuration(tmp_path, SANDBOX.replace(old, new))
    (tmp_path / "sealing.keys").write_text(KEY_LINES)

    with pytest.raises(ConfigProblems, match="a secret must not stand in the file"):
        load(path, {}, now=NOW)


@pytest.mark.parametrize(
    "lines", ["k1", "k1=", "=abc", "k1=abc", f"k1={ENVIRON['AUDIT_KEY']}\nk1={ENVIRON['INDEX_KEY']}"]
)
def test_wrong_key_lines_are_told(tmp_path, lines):
    path = write_configuration(tmp_path, SANDBOX)
    (tmp_path / "sealing.keys").write_text(lines)

    with pytest.raises(ConfigProblems, match=r"sealing\.keys"):
        load(path, {}, now=NOW)


def test_a_certificate_about_to_expire_is_a_warning(tmp_path):
    cert = certificate(rsa_key(), ends=NOW + dt.timedelta(days=30))

    [warning] = load(write_configuration(tmp_path, cert=cert), ENVIRON, now=NOW).warnings

    assert "expires in 30 days, on 2026-12-22" in str(warning)
    assert warning.line == 19


def test_an_expired_certificate_beside_a_valid_one_is_a_warning(tmp_path):
    toml = TOML.replace("[[orgs.acme.keys]]", '[[orgs.acme.keys]]\nfile = "old.crt"\n\n[[orgs.acme.keys]]')
    (tmp_path / "old.crt").write_text(certificate(rsa_key("old"), ends=NOW - dt.timedelta(days=1)))

    [warning] = load(write_configuration(tmp_path, toml), ENVIRON, now=NOW).warnings

    assert "orgs.acme.keys[0]: expired on 2026-11-21 and is not accepted now" in str(warning)


def test_powerful_and_unused_things_are_warnings(tmp_path):
    toml = TOML.replace('mode = "test"', 'mode = "live"').replace("https://test.", "https://login.")
    toml = toml.replace("port = 0", 'host = "0.0.0.0"')
    toml += '\n[entities.eu]\nmode = "live"\naccount = "acct_1Eu"\n'
    toml += 'secret_key = "env:STRIPE_KEY"\nrefund_key = "env:STRIPE_KEY"\n'

    config = load(write_configuration(tmp_path, toml), ENVIRON | {"STRIPE_KEY": "sk_live_abcdefghijkl"}, now=NOW)

    said = [str(warning) for warning in config.warnings]
    assert sum("use a restricted key" in one for one in said) == 3
    assert any("refund_key: is the same as secret_key" in one for one in said)
    assert any("entities.eu: is used by no org" in one for one in said)
    assert any("server.allowed_hosts: any host name is accepted" in one for one in said)


def test_the_effective_configuration_shows_no_secret(tmp_path):
    config = load(write_configuration(tmp_path), ENVIRON, now=NOW)

    shown = json.dumps(render_effective(config))

    assert "acme-2026" in shown
    assert "PRIVATE" not in shown
    assert not any(value in shown or value in repr(config) for value in ENVIRON.values())


def test_the_shipped_example_loads(tmp_path):
    key = rsa_key("login")
    environ = {
        "DATABASE_PASSWORD": "x", "STRIPE_US_KEY": "rk_live_abcdefghijkl",
        "STRIPE_US_REFUND_KEY": "rk_live_refunds12345",
        "STRIPE_DE_KEY": "rk_live_deabcdefghijkl",
        "SALESFORCE_CONSUMER_KEY": "3MVG9abcdefg", "SALESFORCE_PRIVATE_KEY": private_pem(key),
        "GATEWAY_INDEX_KEY": ENVIRON["INDEX_KEY"], "GATEWAY_SEALING_KEY_K1": ENVIRON["SEALING_K1"],
        "GATEWAY_AUDIT_KEY": ENVIRON["AUDIT_KEY"],
    }  # fmt: skip
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "acme-2026.crt").write_text(certificate(rsa_key()))
    example = (ROOT / "docs/examples/gateway.toml").read_text()

    config = load(write_configuration(tmp_path, example), environ, now=NOW)

    assert set(config.entities) == {"us", "de"}
    assert config.warnings == ()


def test_the_committed_reference_is_what_the_models_say():
    assert (ROOT / "docs/configuration.md").read_text() == render()
