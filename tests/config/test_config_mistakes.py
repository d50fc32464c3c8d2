# ruff: noqa: E501 - one mistake is one line
import datetime as dt
import json
from pathlib import Path

import pytest

from gateway.config import ConfigProblems, load
from gateway.config.explain import _SHAPES
from gateway.config.reference import TABLES
from tests.support.configuration import (
    ENVIRON,
    NOW,
    TOML,
    certificate,
    public_pem,
    rsa_jwk,
    rsa_key,
    write_configuration,
)


def problems(folder: Path, toml: str, environ: dict[str, str] | None = None, cert: str | None = None) -> list[str]:
    path = write_configuration(folder, toml, cert=cert)
    with pytest.raises(ConfigProblems) as caught:
        load(path, ENVIRON if environ is None else environ, now=NOW)
    return [str(one).replace(str(folder), "") for one in caught.value.problems]


# One edit to the complete file → the one problem it makes, with its line.
ONE_PROBLEM = [
    ('port = 0', 'port = "0"', "2: server.port: must be a whole number"),
    ("port = 0", "port = 70000", "2: server.port: must be at most 65535"),
    ("port = 0", "prot = 0", "2: server.prot: is not a known key (did you mean port?)"),
    ("[server]", "[sever]", "1: sever: is not a known section (did you mean server?)"),
    ("port = 0", 'public_url = "http://gateway.example.com"',
     "2: server.public_url: must begin with https: only addresses of this machine may use http (https://gateway.example.com)"),
    ("port = 0", 'public_url = "https://user:pw@gateway.example.com"', "2: server.public_url: must be an address without user"),
    ("port = 0", 'log_format = "xml"', "2: server.log_format: must be 'json' or 'console'"),
    ("port = 0", "wait_seconds = nan", "2: server.wait_seconds: "),
    ('"sqlite:///gateway.db"', '"mysql://x/y"', "5: database.url: is not a database address"),
    ('"sqlite:///gateway.db"', '"sqlite://"', "5: database.url: is not a database address"),
    ('"sqlite:///gateway.db"', '"postgresql://gateway:hunter2@db/gateway"', "5: database.url: holds a password"),
    ('"sqlite:///gateway.db"', '"postgresql://db/gateway?password=hunter2"', "5: database.url: holds a password"),
    ('mode = "test"\naccount', 'mode = "prod"\naccount', "8: entities.us.mode: must be 'test' or 'live'"),
    ('mode = "test"\naccount', 'account', "7: entities.us.mode: is missing (add it: `live` or `test`"),
    ('account = "acct_1Us"', 'acount = "acct_1Us"', "9: entities.us.acount: is not a known key (did you mean account?)"),
    ("acct_1Us", "cus_1Us", "9: entities.us.account: is not a Stripe id (acct_…)"),
    ('"env:STRIPE_KEY"', '"rk_test_51abcdefghijklmnop"', "10: entities.us.secret_key: a secret must not stand in the file"),
    ('"env:STRIPE_KEY"', '"env:STRIPE_KYE"', "10: entities.us.secret_key: environment variable STRIPE_KYE is not set"),
    ('"env:STRIPE_KEY"', '"env:"', "10: entities.us.secret_key: '' is not the name of an environment variable"),
    ('"env:STRIPE_KEY"', '"file:missing.txt"', "10: entities.us.secret_key: cannot read "),
    ('"env:STRIPE_KEY"', "1", "10: entities.us.secret_key: must be env:NAME or file:PATH"),
    ('"env:STRIPE_KEY"', '"env:STRIPE_WEBHOOK"', "10: entities.us.secret_key: is not a Stripe key"),
    ('["env:STRIPE_WEBHOOK"]', '["env:STRIPE_KEY"]', "11: entities.us.webhook_secrets[0]: is not a webhook secret"),
    ("[entities.us]", '[entities.us]\ntime_zone = "Europe/Berln"',
     "8: entities.us.time_zone: is not a time zone (did you mean Europe/Berlin?)"),
    ("[entities.us]", '[entities.us]\ndefault_currency = "DM"', "8: entities.us.default_currency: The currency is not one"),
    ("[entities.us]", '[entities.us]\nname = "us"', "8: entities.us.name: the name is that of the table"),
    ("[entities.us]", '[entities.US]\nmode = "test"\naccount = "acct_1"\nsecret_key = "env:STRIPE_KEY"\n[entities.us]',
     "7: entities.US.name: must look like"),
    ("00D5g000004ABCD", "0015g000004ABCD", "14: orgs.acme.id: must look like 00D"),
    ("00D5g000004ABCD", "00D5g000004ABC", "14: orgs.acme.id: is not a Salesforce record id (15 or 18 letters and digits)"),
    ('entities = ["us"]', 'entities = ["uss"]', "16: orgs.acme.entities[0]: there is no entity 'uss' (did you mean us?)"),
    ('entities = ["us"]', "entities = []", "16: orgs.acme.entities: needs at least 1"),
    ('entities = ["us"]', 'entities = "us"', "16: orgs.acme.entities: must be a list in [ ]"),
    ('entities = ["us"]', 'entities = ["us"]\nobjects = ["Acc ount"]', "17: orgs.acme.objects[0]: must look like"),
    ("[[orgs.acme.keys]]", '[[orgs.acme.keys]]\nfiel = "x"', "20: orgs.acme.keys[0].fiel: is not a known key (did you mean file?)"),
    ("acme.crt", "acme.pem", "19: orgs.acme.keys[0]: cannot read "),
    ('kid = "acme-2026"', 'pem = "x"', "19: orgs.acme.keys[0]: needs exactly one of file, pem and jwks"),
    ('kid = "acme-2026"', 'algorithm = "HS256"', "21: orgs.acme.keys[0].algorithm: must be 'RS256', 'RS512' or 'ES256'"),
    ('kid = "acme-2026"', 'algorithm = "ES256"', "19: orgs.acme.keys[0]: does not fit ES256"),
    ('kid = "acme-2026"', "not_after = 2026-01-01T00:00:00", "21: orgs.acme.keys[0].not_after: has no time zone"),
    ('kid = "acme-2026"', 'not_after = "2026-01-01"', "21: orgs.acme.keys[0].not_after: must be a date"),
    ('kid = "acme-2026"', "not_after = 2026-11-01", "19: orgs.acme.keys[0]: expired on 2026-11-01, and no other key is valid"),
    ('kid = "acme-2026"', "not_before = 2026-12-01", "19: orgs.acme.keys[0]: is not valid before 2026-12-01, and no other"),
    ('kid = "acme-2026"', "not_after = 2020-01-01", "19: orgs.acme.keys[0]: is never valid"),
    ("https://test.salesforce.com", "http://test.salesforce.com", "24: orgs.acme.salesforce.login_url: must begin with https"),
    ("https://test.salesforce.com", "http://127.0.0.1.evil.test", "24: orgs.acme.salesforce.login_url: must begin with https"),
    ("file:login.pem", "file:acme.crt", "27: orgs.acme.salesforce.private_key: is not a private key in PEM form"),
    ('username = "gateway@acme.example.com"\n', "", "23: orgs.acme.salesforce.username: is missing"),
    ('current = "k1"', 'current = "k2"', "30: sealing.current: there is no key 'k2'"),
    ('k1 = "env:SEALING_K1"', 'k1 = "env:STRIPE_KEY"', "34: sealing.keys.k1: is not base64"),
    ('k1 = "env:SEALING_K1"', 'k1 = "env:INDEX_KEY"', "29: sealing: uses one key for two purposes"),
    ('[audit]\nsigning_key = "env:AUDIT_KEY"\n', "", "audit.signing_key: is missing"),
    ("[audit]", '[stripe]\nbase_url = "ftp://x"\n[audit]', "37: stripe.base_url: is not an address"),
    ("[audit]", '[[routing]]\nentity = "eu"\n[audit]', "37: routing[0].entity: there is no entity 'eu'"),
    ("[audit]", '[[routing]]\nentity = "us"\nwhen = { field = "X__c" }\n[audit]', "38: routing[0].when: field and equals belong"),
    ("[audit]", '[[routing]]\nentity = "us"\nwhen = { org = "acmee" }\n[audit]', "38: routing[0].when.org: there is no org 'acmee'"),
    ("[audit]", '[[routing]]\nentity = "us"\nwhen = { currncy = "EUR" }\n[audit]',
     "38: routing[0].when.currncy: is not a known key (did you mean currency?)"),
    ("[audit]", '[mappings.Lead]\ncurrency = "X"\n[audit]', "36: mappings.Lead: no org allows this object"),
    ("[audit]", '[[routing]]\nentity = "us"\nwhen = { sobject = "Lead", record_type = "X" }\n[audit]',
     "38: routing[0].when: the gateway reads no fields of this object"),
    ('entities = ["us"]', 'entities = ["us"]\nobjects = ["opportunity"]',
     "17: orgs.acme.objects[0]: is no API name (write Opportunity)"),
    ("[audit]", '[mappings.Order]\nlookup = "X__c"\n[audit]', "37: mappings.Order.lookup: comes with the release"),
    ("[audit]", '[mappings.Order]\nlookup = "X"\n[audit]', "37: mappings.Order.lookup: must look like"),
    ("[audit]", '[mappings.Order]\npo = "X"\n[audit]', "37: mappings.Order.po: is not a known key (known are po_number, "),
    ('username =', 'api_version = "64"\nusername =', "25: orgs.acme.salesforce.api_version: must look like 65.0, and 60.0 or newer"),
    ("[audit]", "[mappings.Order]\npo_number = \"a'b\"\n[audit]", "37: mappings.Order.po_number: must look like"),
    ("[server]", "[server", ":1: is not TOML:"),
    ("port = 0", "port = 0\nport = 1", ":3: is not TOML:"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), ONE_PROBLEM, ids=[f"{n}" for n in range(len(ONE_PROBLEM))])
def test_each_mistake_is_told_once_with_its_line(tmp_path, old, new, expected):
    assert old in TOML

    found = problems(tmp_path, TOML.replace(old, new, 1))

    assert len(found) == 1, found
    assert expected in found[0]


def test_fields_of_an_object_that_is_never_read_cannot_be_mapped(tmp_path):
    toml = TOML.replace('entities = ["us"]', 'entities = ["us"]\nobjects = ["Contract"]', 1)

    found = problems(tmp_path, toml.replace("[audit]", '[mappings.Contract]\ncurrency = "X"\n[audit]'))

    assert len(found) == 1, found
    assert "mappings.Contract.currency: the gateway reads no fields of this object, only of Account, " in found[0]


def test_every_problem_is_told_at_once(tmp_path):
    toml = TOML.replace("port = 0", 'prot = "x"').replace("acct_1Us", "x").replace("acme.crt", "no.crt")
    toml = toml.replace('entities = ["us"]', 'entities = ["eu"]').replace('current = "k1"', 'current = "k9"')

    found = problems(tmp_path, toml)

    assert len(found) == 5


def test_a_mistake_in_one_key_hides_no_other_of_its_table(tmp_path):
    rule = '[[routing]]\nentity = "nobody"\nwhen = { currncy = "EUR" }\n[audit]'
    toml = TOML.replace("[audit]", rule).replace('current = "k1"', 'current = "k2"').replace("SEALING_K1", "NOT_SET")

    found = "\n".join(problems(tmp_path, toml))

    assert "routing[0].when.currncy: is not a known key" in found
    assert "routing[0].entity: there is no entity 'nobody'" in found
    assert "sealing.current: there is no key 'k2'" in found
    assert "sealing.keys.k1: environment variable NOT_SET is not set" in found


def test_what_only_follows_from_an_unset_secret_is_not_told(tmp_path):
    head = TOML[: TOML.index("[sealing]")]

    found = problems(tmp_path, f'{head}[sealing]\ncurrent = "k1"\nkeys = "env:NOT_SET"\n')

    assert [one.partition(": ")[2] for one in found] == [
        "sealing.keys: environment variable NOT_SET is not set (set NOT_SET, or NOT_SET_FILE to the path of a file)"
    ]


def patterns(schema):
    if isinstance(schema, dict):
        yield from (value for key, value in schema.items() if key == "pattern")
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list | tuple) else ():
        yield from patterns(inner)


def test_no_problem_shows_a_regular_expression():
    found = {pattern for _, model in TABLES for pattern in patterns(model.__pydantic_core_schema__)}

    assert len(found) >= 7
    assert found - set(_SHAPES) == set()


def test_an_empty_file_names_what_is_needed(tmp_path):
    found = problems(tmp_path, "")

    assert any("orgs: is missing" in one for one in found)
    assert any("entities: is missing" in one for one in found)
    assert any("sealing.current: is missing" in one for one in found)


def test_a_missing_file_points_to_the_example(tmp_path):
    with pytest.raises(ConfigProblems, match=r"start from docs/examples/gateway\.toml"):
        load(tmp_path / "none.toml", {})


def test_a_file_that_is_not_text_is_a_problem(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"\xff\xfe[\x00")

    with pytest.raises(ConfigProblems, match="not text"):
        load(path, {})


def test_no_problem_quotes_a_secret(tmp_path):
    toml = TOML.replace('"env:STRIPE_KEY"', '"sk_live_veryverysecret"').replace("k1 =", "K1 =")

    assert not any("veryverysecret" in one or ENVIRON["SEALING_K1"] in one for one in problems(tmp_path, toml))


@pytest.mark.parametrize(
    ("mode", "key", "said"),
    [
        ("test", "sk_live_51abcdefghijkl", "is a live key in a test entity"),
        ("test", "rk_live_51abcdefghijkl", "is a live key in a test entity"),
        ("live", "rk_test_51abcdefghijkl", "is a test key in a live entity"),
        ("test", "sk_org_live_abcdefghij", "is a live key in a test entity"),
        ("test", "pk_test_51abcdefghijkl", "is not a Stripe key"),
        ("test", "rk_test_", "is not a Stripe key"),
        ("test", "rk_test_51abc\u2026ghijkl", "is not a Stripe key"),
    ],
)
def test_a_key_of_the_other_mode_is_refused(tmp_path, mode, key, said):
    toml = TOML.replace('mode = "test"', f'mode = "{mode}"').replace("https://test.", "https://login.")

    assert any(said in one for one in problems(tmp_path, toml, ENVIRON | {"STRIPE_KEY": key}))


def test_a_live_org_uses_no_test_entity_and_no_sandbox_login(tmp_path):
    toml = TOML.replace('id = "00D5g000004ABCD"\nmode = "test"', 'id = "00D5g000004ABCD"\nmode = "live"')

    found = problems(tmp_path, toml)

    assert any("orgs.acme.entities[0]: a live org must not use the test entity 'us'" in one for one in found)
    assert any("a live org cannot log in at a sandbox" in one for one in found)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GATEWAY_SERVER_PORT", "x", "environment: GATEWAY_SERVER_PORT: must be a whole number"),
        ("GATEWAY_SERVER_PORT", "99999", "environment: GATEWAY_SERVER_PORT: must be at most 65535"),
        ("GATEWAY_SERVER_PROT", "1", "environment: GATEWAY_SERVER_PROT: is not a known setting (did you mean port?)"),
        ("GATEWAY_STRIPE_RATE_LIMITS", "no", "environment: GATEWAY_STRIPE_RATE_LIMITS: must be true or false"),
        ("GATEWAY_STRIPE_BASE_URL", "http://evil.test", "environment: GATEWAY_STRIPE_BASE_URL: must begin with https"),
        ("GATEWAY_SERVER_WAIT_SECONDS", "soon", "environment: GATEWAY_SERVER_WAIT_SECONDS: must be a number"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path, name, value, said):
    [found] = problems(tmp_path, TOML, ENVIRON | {name: value})

    assert found.startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "is not text"),
        (b"x" * 70_000, "is larger than 65536 bytes"),
    ],
)
def test_an_unusable_secret_file_is_told(tmp_path, content, said):
    (tmp_path / "key").write_bytes(content)

    [found] = problems(tmp_path, TOML.replace("env:STRIPE_KEY", "file:key"))

    assert said in found


def test_a_secret_given_twice_is_refused(tmp_path):
    [found] = problems(tmp_path, TOML, ENVIRON | {"STRIPE_KEY_FILE": "key"})

    assert "both STRIPE_KEY and STRIPE_KEY_FILE are set" in found


@pytest.mark.parametrize("value", ["AAAA", "A" * 43 + "=", "not base64!", "QUJD" * 20])
def test_a_sealing_key_is_32_random_bytes(tmp_path, value):
    [found] = problems(tmp_path, TOML, ENVIRON | {"SEALING_K1": value})

    assert "openssl rand -base64 32" in found


def test_two_orgs_share_neither_id_nor_key(tmp_path):
    org = TOML[TOML.index("[orgs.acme]") : TOML.index("[sealing]")]
    toml = TOML + org.replace("orgs.acme", "orgs.beta")

    found = problems(tmp_path, toml)

    assert any("orgs.beta.id: is the same as that of org 'acme'" in one for one in found)
    assert any("orgs.beta.issuer: is the same as that of org 'acme'" in one for one in found)
    assert any(
        "orgs.beta.keys[0]: is also trusted by org 'acme': one could sign for the other (make another" in one
        for one in found
    )


def test_two_entities_are_two_accounts(tmp_path):
    entity = TOML[TOML.index("[entities.us]") : TOML.index("[orgs.acme]")]

    [found] = problems(tmp_path, TOML + entity.replace("entities.us", "entities.eu"))

    assert "entities.eu.account: is the same Stripe account as that of entity 'us'" in found


def test_an_expired_certificate_is_a_problem(tmp_path):
    [found] = problems(tmp_path, TOML, cert=certificate(rsa_key(), ends=NOW - dt.timedelta(days=1)))

    assert "orgs.acme.keys[0]: expired on 2026-11-21, and no other key is valid" in found


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([{"kid": "a"}, {"kid": "a"}], "the kid 'a' appears twice"),
        ([{"kid": "acme-2026"}], "the kid 'acme-2026' appears twice"),
        ([{"kid": "a"}, {"kid": "b"}, {"kid": "c"}, {"kid": "d"}], "brings 5 keys; at most 4"),
    ],
)
def test_the_keys_of_an_org_are_few_and_told_apart(tmp_path, members, said):
    keys = [rsa_jwk(rsa_key(f"more-{index}"), **one) for index, one in enumerate(members)]
    (tmp_path / "more.jwks").write_text(json.dumps({"keys": keys}))
    toml = TOML.replace("[orgs.acme.salesforce]", '[[orgs.acme.keys]]\nfile = "more.jwks"\n[orgs.acme.salesforce]')

    assert any(said in one for one in problems(tmp_path, toml))


def test_one_key_is_not_listed_twice(tmp_path):
    (tmp_path / "again.pem").write_text(public_pem(rsa_key()))
    toml = TOML.replace("[orgs.acme.salesforce]", '[[orgs.acme.keys]]\nfile = "again.pem"\n[orgs.acme.salesforce]')

    [found] = problems(tmp_path, toml)

    assert "orgs.acme.keys[1]: is the same key as another one of this org" in found


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("orgs = 1", "orgs: must be a table"),
        ("[orgs]\nacme = 1", "orgs.acme: must be a table"),
        ("server = []", "server: must be a table"),
        ("[routing]\nentity = 'us'", "routing: must be a list of rules ([[routing]])"),
        ("routing = [1]", "routing[0]: must be a table"),
        ("[orgs.acme]\nkeys = 1", "orgs.acme.keys: must be a list"),
        ("[orgs.acme]\nkeys = [1]", "orgs.acme.keys[0]: must be a table"),
        ("[sealing]\nkeys = 5", "sealing.keys: must be a table"),
        ("[entities]\nus = []", "entities.us: must be a table"),
    ],
)
def test_a_table_of_another_kind_is_a_problem_not_a_crash(tmp_path, toml, said):
    assert any(said in one for one in problems(tmp_path, toml))
