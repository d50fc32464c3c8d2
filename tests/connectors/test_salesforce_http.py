"""A call over TLS is cut at its deadline too."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.connectors.salesforce_http import Watch, session
from tests.support.scripted import Scripted, drip, reply
from tests.support.upstreams import rsa_key


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    end = now + datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, rsa_key().public_key(), x509.random_serial_number(), now, end)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    authority = x509.BasicConstraints(ca=True, path_length=0)
    made = (
        builder.add_extension(address, critical=False)
        .add_extension(authority, critical=True)
        .sign(rsa_key(), hashes.SHA256())
    )
    path = tmp_path / "tls.pem"
    key = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + key)
    return path


def test_a_drip_over_tls_ends_at_the_deadline_and_the_next_call_works(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    watch = Watch()
    with Scripted([drip, reply(200, {"ok": True})], tls=context) as upstream, session(2) as http:
        http.verify = str(certificate)
        deadline = threading.Timer(0.3, watch.cut)
        deadline.start()

        with watch, pytest.raises(requests.RequestException):
            http.get(upstream.url, timeout=(5, 30)).json()

        assert (watch.sent, watch.expired) == (True, True)
        assert http.get(upstream.url, timeout=(5, 30)).json() == {"ok": True}


def test_a_call_whose_deadline_has_passed_is_cut_before_it_is_read() -> None:
    watch = Watch()
    watch.cut()
    with Scripted([reply(200, {})]) as upstream, session(2) as http, watch, pytest.raises(requests.RequestException):
        http.get(upstream.url, timeout=(5, 30)).json()
