"""setup: what is written is metadata with the org's own values, nothing is left open, and nothing is secret."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.cli.salesforce_package import PROJECT
from tests.cli.conftest import ORG, Installation
from tests.metadata import check_schema
from tests.metadata.tree import Tree, load
from tests.support.configuration import certificate, private_pem, rsa_key

ADDRESS = "https://gateway.acme.example"
APP = ("--contact-email", "it@acme.example", "--permission-set-id", "0PS5g000000AbCdGAK")


@pytest.fixture
def acme(installation: Installation, caller_key: rsa.RSAPrivateKey) -> Installation:
    text = installation.file.read_text()
    text = text.replace("[server]", f'[server]\npublic_url = "{ADDRESS}"')
    text = text.replace('file = "caller.pem"', 'file = "caller.pem", kid = "Acme_2027"')
    installation.file.write_text(text.replace('audience = "stripe-gateway"', 'audience = "gateway-of-acme"'))
    (installation.folder / "login.crt").write_text(certificate(caller_key))
    return installation


def setup(acme: Installation, *options: str, org: str = "acme") -> Path:
    out = acme.folder / "out"
    result = acme.run("salesforce", "setup", "--org", org, "--out", str(out), *options)
    assert result.exit_code == 0, result.output
    return out


def refusal(acme: Installation, *options: str) -> tuple[int, str]:
    out = acme.folder / "refused"
    result = acme.run("salesforce", "setup", "--org", "acme", "--out", str(out), *options)
    assert not out.exists()
    return result.exit_code, result.stderr


def parameters(tree: Tree, kind: str, name: str) -> dict[str, str]:
    tag = {"NamedCredential": "namedCredentialParameters", "ExternalCredential": "externalCredentialParameters"}[kind]
    rows = tree.named(kind)[name].rows(tag)
    return {row["parameterName"]: row.get("parameterValue") or row.get("certificate") or "" for row in rows}


def test_the_credentials_carry_the_values_of_the_configuration(acme: Installation) -> None:
    tree = load(setup(acme))

    named = parameters(tree, "NamedCredential", "Stripe_Gateway")
    person = parameters(tree, "ExternalCredential", "Stripe_Gateway")
    automation = parameters(tree, "ExternalCredential", "Stripe_Gateway_Automation")
    assert check_schema.findings(tree) == []
    assert (named["Url"], named["X-Salesforce-Org-Id"]) == (ADDRESS, "{!$Organization.Id}")
    assert (person["aud"], person["kid"], person["SigningCertificate"]) == ("gateway-of-acme", "Acme_2027", "Acme_2027")
    assert (person["iss"], person["sub"]) == ("{!$Organization.Id}", "{!$User.Id}")
    assert automation["sub"] == "gateway-automation"


def test_the_org_id_stands_in_the_claims_where_formulas_are_not_resolved(acme: Installation) -> None:
    tree = load(setup(acme, "--literal-org-id"))

    assert parameters(tree, "ExternalCredential", "Stripe_Gateway")["iss"] == ORG
    assert parameters(tree, "NamedCredential", "Stripe_Gateway_Automation")["X-Salesforce-Org-Id"] == ORG


@pytest.mark.parametrize(
    ("login", "told"),
    [
        ("https://acme.my.salesforce.com", "false"),
        ("https://test.salesforce.com", "true"),
        ("https://acme--uat.sandbox.my.salesforce.com", "true"),
    ],
)
def test_the_headers_say_in_words_whether_it_is_a_sandbox_where_formulas_are_not_resolved(
    acme: Installation, login: str, told: str
) -> None:
    text = acme.file.read_text()
    acme.file.write_text(text.replace('login_url = "http://127.0.0.1:9"', f'login_url = "{login}"'))

    formula = parameters(load(setup(acme)), "NamedCredential", "Stripe_Gateway")["X-Salesforce-Sandbox"]
    shutil.rmtree(acme.folder / "out")
    out = setup(acme, "--literal-org-id")

    assert "$Organization.IsSandbox" in formula
    for name in ("Stripe_Gateway", "Stripe_Gateway_Automation"):
        assert parameters(load(out), "NamedCredential", name)["X-Salesforce-Sandbox"] == told
    assert not [path for path in out.rglob("*-meta.xml") if "$Organization" in path.read_text()]


def test_the_client_app_gets_the_certificate_and_nothing_else_of_its_file(acme: Installation) -> None:
    file = acme.folder / "login.crt"
    file.write_text(file.read_text() + private_pem(rsa_key()))

    out = setup(acme, "--login-certificate", str(file), *APP)

    tree = load(out)
    [oauth] = tree.of("ExtlClntAppGlobalOauthSettings")
    [policy] = tree.of("ExtlClntAppOauthConfigurablePolicies")
    written = "".join(path.read_text() for path in out.rglob("*") if path.is_file())
    assert check_schema.findings(tree) == []
    assert oauth.text("certificate").startswith("-----BEGIN CERTIFICATE-----")
    assert policy.text("commaSeparatedPermissionSet") == "0PS5g000000AbCdGAK"
    for secret in ("PRIVATE KEY", "consumer-key-of-acme", "sk_test_", "{{", ".invalid"):
        assert secret not in written


def test_the_path_is_numbered_and_has_the_values_in_it(acme: Installation) -> None:
    told = acme.run("salesforce", "setup", "--org", "acme", "--out", str(acme.folder / "out")).stdout
    again = acme.json("salesforce", "setup", "--org", "acme", "--out", str(acme.folder / "out"))

    numbers = [line.partition(".")[0] for line in told.splitlines() if line[:1].isdigit()]
    assert numbers == [str(number) for number in range(1, len(again["steps"]) + 1)]
    for words in ("Acme_2027", ORG, "gateway@acme.example", "sf project deploy start --dry-run", "gateway doctor"):
        assert words in told
    assert "credentials/namedCredentials/Stripe_Gateway.namedCredential-meta.xml" in again["files"]
    assert json.loads((acme.folder / "out/sfdx-project.json").read_text())["sourceApiVersion"] == "65.0"


def test_a_file_that_was_changed_by_hand_is_not_written_over(acme: Installation) -> None:
    out = setup(acme)
    file = out / "credentials/namedCredentials/Stripe_Gateway.namedCredential-meta.xml"
    file.write_text("by hand")

    result = acme.run("salesforce", "setup", "--org", "acme", "--out", str(out))

    assert result.exit_code == 5
    assert file.read_text() == "by hand"


def test_a_placeholder_that_nothing_fills_is_refused(acme: Installation, tmp_path: Path) -> None:
    theirs = tmp_path / "metadata"
    shutil.copytree(PROJECT / "unpackaged", theirs / "unpackaged")
    template = next(theirs.rglob("*.ecaOauth-meta.xml.template"))
    template.write_text(template.read_text().replace("Stripe Gateway", "{{ app_label }}"))
    login = ("--login-certificate", str(acme.folder / "login.crt"))

    code, words = refusal(acme, *APP, *login, "--metadata", str(theirs))

    assert code == 2
    assert "{{ app_label }}" in words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (APP, "--login-certificate"),
        ((*APP, "--login-certificate", "caller.key"), "cannot be read as a certificate"),
        ((*APP, "--login-certificate", "other.crt"), "does not belong to the private key"),
        ((*APP[2:], "--contact-email", "nobody", "--login-certificate", "login.crt"), "not an e-mail address"),
        ((*APP[:2], "--permission-set-id", "0055g00000AbCdEAAV", "--login-certificate", "login.crt"), "0PS"),
        (("--certificate", "not a name"), "--certificate"),
        (("--metadata", "."), "salesforce_metadata"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    acme: Installation, options: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (acme.folder / "other.crt").write_text(certificate(rsa_key("other")))
    monkeypatch.chdir(acme.folder)

    code, told = refusal(acme, *options)

    assert code == 2
    assert words in told


@pytest.mark.parametrize(("old", "new"), [(f'public_url = "{ADDRESS}"', ""), (ADDRESS, "http://127.0.0.1:8080")])
def test_without_an_address_salesforce_can_reach_nothing_is_written(acme: Installation, old: str, new: str) -> None:
    acme.file.write_text(acme.file.read_text().replace(old, new))

    code, told = refusal(acme)

    assert code == 2
    assert "server.public_url" in told


@pytest.mark.parametrize("consumer_key", ['"env:NOT_SET_YET"', '""', '"file:secrets/not-there"'])
def test_setup_needs_neither_the_consumer_key_it_leads_to_nor_a_stripe_key(
    acme: Installation, consumer_key: str
) -> None:
    text = acme.file.read_text().replace('"consumer-key-of-acme"', consumer_key)
    acme.file.write_text(text.replace('"sk_test_acme0000000000000"', '"env:NOT_SET_YET"'))

    setup(acme)

    assert acme.run("config", "check").exit_code == 2


@pytest.mark.parametrize(
    ("org", "old", "new", "words"),
    [
        ("acne", "", "", "orgs.acne: is missing (did you mean acme?)"),
        ("acme", "caller.pem", "no.pem", "orgs.acme.keys[0]: cannot read"),
        ("acme", 'username = "gateway@acme.example"', "", "orgs.acme.salesforce.username: is missing"),
    ],
)
def test_what_setup_does_need_is_told_with_its_line(
    acme: Installation, org: str, old: str, new: str, words: str
) -> None:
    acme.file.write_text(acme.file.read_text().replace(old, new) if old else acme.file.read_text())

    result = acme.run("salesforce", "setup", "--org", org, "--out", str(acme.folder / "out"))

    assert result.exit_code == 2
    assert words in result.stderr


def test_an_installed_program_finds_the_folder_of_the_checkout_it_is_started_in(
    acme: Installation, tmp_path: Path
) -> None:
    shutil.copytree(PROJECT.parent / "gateway", tmp_path / "site/gateway", ignore=shutil.ignore_patterns("sandbox"))
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout/salesforce_metadata").symlink_to(PROJECT.resolve())
    line = [sys.executable, "-m", "gateway", "salesforce", "setup", "--org", "acme", "--out", str(tmp_path / "out")]

    def run(folder: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "GATEWAY_CONFIG": str(acme.file)}
        return subprocess.run(line, cwd=tmp_path / folder, env=environment, capture_output=True, text=True, check=False)

    elsewhere, here = run("site"), run("checkout")

    assert (elsewhere.returncode, here.returncode) == (2, 0), here.stderr
    assert "start in a checkout, or name it with --metadata" in elsewhere.stderr
