"""A server with one place and little patience: slow clients, many clients, clients that leave."""

import contextlib
import json
import re
import socket
import struct
import threading
import time

import pytest

from tests.support.edge import Clock, Edge, application, configuration, running
from tests.web.test_guard import LENGTH, sound, status


@pytest.fixture
def tight(tmp_path):
    """A server with one place, one allowed host and little patience."""
    with narrow(tmp_path, 0.4) as edge:
        yield edge


@pytest.fixture
def patient(tmp_path):
    """The same, and it waits for slow clients."""
    with narrow(tmp_path, 60) as edge:
        yield edge


@contextlib.contextmanager
def narrow(tmp_path, seconds):
    limits = f"max_concurrency = 1\nread_deadline_seconds = {seconds}\nallowed_hosts = ['gateway.test']\n"
    config = configuration(tmp_path, limits + 'public_url = "https://gateway.test"')
    edge = Edge(config, Clock())
    app = application(edge)
    with running(app, config.server) as port:
        edge.port, edge.guard = port, app
        yield edge
        assert edge.crashed == []


HOST = b"Host: gateway.test"


def test_only_allowed_hosts_are_served(tight):
    assert status(tight.raw(sound(LENGTH, host=HOST))) == 200
    assert status(tight.raw(sound(LENGTH, host=b"Host: GATEWAY.test:443"))) == 200
    assert status(tight.raw(sound(LENGTH, host=b"Host: gateway.test.evil.test"))) == 400


def test_health_is_told_to_whoever_asks_by_address(tight):
    livez = b"GET /livez HTTP/1.1"

    assert status(tight.raw(sound(first=livez, body=b"", host=b"Host: 127.0.0.1:8080"))) == 200
    assert status(tight.raw(sound(b"Host: y", first=livez, body=b"", host=b"Host: x"))) == 400
    assert status(tight.raw(sound(first=livez, body=b"", host=b"Host: "))) == 400


def test_an_upgrade_is_answered_without_a_line_of_log(tight, caplog):
    upgrade = (b"Connection: Upgrade", b"Upgrade: websocket")

    assert status(tight.raw(sound(*upgrade, first=b"GET /v1/things/x HTTP/1.1", body=b"", host=HOST))) == 200
    assert caplog.records == []


def test_https_is_asked_for_where_it_is_served(tight):
    assert b"strict-transport-security: max-age=31536000" in tight.raw(sound(LENGTH, host=HOST))


def test_a_body_that_does_not_arrive_is_given_up(tight):
    answer = tight.raw(sound(b"Content-Length: 500", body=b"{", host=HOST))

    assert status(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error_code"] == "body_too_slow"
    assert tight.reached == []


@pytest.mark.parametrize("sent", [b"", b"P", b"POST /v1/orders HTTP/1.1\r\nHost: gateway.test\r\nX-A: "])
def test_a_head_that_does_not_arrive_is_given_up(tight, sent):
    answer = tight.raw(sent)

    assert status(answer) == 408


def test_drips_do_not_extend_the_deadline(tight):
    with socket.create_connection(("127.0.0.1", tight.port), timeout=5) as connection:
        stopped = threading.Event()

        def drip() -> None:
            while not stopped.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

        connection.sendall(b"GET /v1/things/x HTTP/1.1\r\nX-A: ")
        dripping = threading.Thread(target=drip)
        dripping.start()
        answer = connection.recv(4096)
        stopped.set()
        dripping.join()

    assert status(answer) == 408


def whole(connection: socket.socket) -> bytes:
    """One answer with its body, in however many pieces it comes."""
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
        head, end, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if end and length and len(body) >= int(length[1]):
            break
    return answer


def test_a_second_request_on_a_connection_has_a_deadline_too(tight):
    with socket.create_connection(("127.0.0.1", tight.port), timeout=5) as connection:
        connection.sendall(sound(LENGTH, host=HOST))
        first = whole(connection)
        connection.sendall(b"GET /v1/th")
        second = connection.recv(65_536)

    assert (status(first), status(second)) == (200, 408)


def test_more_requests_than_places_are_told_to_come_back(patient):
    waiting = sound(b"Content-Length: 500", body=b"{", host=HOST, first=b"POST /v1/things/x HTTP/1.1")
    with socket.create_connection(("127.0.0.1", patient.port), timeout=60) as connection:
        connection.sendall(waiting)
        while patient.guard.running == 0:
            time.sleep(0.005)

        refused = patient.raw(sound(LENGTH, host=HOST))
        health = patient.raw(sound(first=b"GET /livez HTTP/1.1", body=b"", host=HOST))
        connection.sendall(b" " * 498 + b"}")
        connection.recv(65_536)
    while patient.guard.running:
        time.sleep(0.005)

    told = json.loads(refused.partition(b"\r\n\r\n")[2])
    assert (status(refused), told["error_code"], told["retryable"], told["retry_after_seconds"]) == (
        503,
        "overloaded",
        True,
        1,
    )
    assert b"retry-after: 1" in refused
    assert status(health) == 200
    assert status(patient.raw(sound(LENGTH, host=HOST))) == 200


def test_a_client_that_leaves_frees_its_place(patient):
    with socket.create_connection(("127.0.0.1", patient.port), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(sound(b"Content-Length: 500", body=b"{", host=HOST))
        while patient.guard.running == 0:
            time.sleep(0.005)

    while patient.guard.running:
        time.sleep(0.005)
    assert status(patient.raw(sound(LENGTH, host=HOST))) == 200
