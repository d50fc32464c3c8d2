"""Requests that no HTTP library would send, byte by byte on a socket."""

import json

import pytest

from gateway.config import Server
from gateway.web.protocol import uvicorn_options
from tests.support.tokens import GOOD_TOKEN

ORDER = b'{"record_id":"0015000000D8cuI","amount":"12.50"}'
AUTHORIZATION = b"Authorization: Bearer " + GOOD_TOKEN.encode()


def request(*lines: bytes, first: bytes = b"POST /v1/orders HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join((first, *lines)) + b"\r\n\r\n" + body


def sound(
    *lines: bytes, first: bytes = b"POST /v1/orders HTTP/1.1", body: bytes = ORDER, host: bytes = b"Host: x"
) -> bytes:
    return request(host, AUTHORIZATION, b"Content-Type: application/json", *lines, first=first, body=body)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


LENGTH = b"Content-Length: %d" % len(ORDER)
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(ORDER), ORDER)
GET = b"GET /v1/things/x HTTP/1.1"

# name → bytes, the statuses that are right (the parser's own refusal is a bare 400)
ABUSE: dict[str, tuple[bytes, set[int]]] = {
    "length_and_chunked": (sound(LENGTH, CHUNKED, body=CHUNKS), {400}),
    "chunked_and_length": (sound(CHUNKED, LENGTH, body=CHUNKS), {400}),
    "smuggled_second_request": (sound(b"Content-Length: 0", CHUNKED, body=CHUNKS + sound(LENGTH)), {400}),
    "two_lengths": (sound(LENGTH, b"Content-Length: 5"), {400}),
    "two_equal_lengths": (sound(LENGTH, LENGTH), {400}),
    "length_list": (sound(LENGTH + b", 5"), {400}),
    "length_plus": (sound(b"Content-Length: +%d" % len(ORDER)), {400}),
    "length_negative": (sound(b"Content-Length: -1"), {400}),
    "length_underscore": (sound(b"Content-Length: 4_8"), {400}),
    "length_hex": (sound(b"Content-Length: 0x30"), {400}),
    "length_huge": (sound(b"Content-Length: 99999999999999999999999"), {400}),
    "length_empty": (sound(b"Content-Length: "), {400}),
    "coding_unknown": (sound(b"Transfer-Encoding: xchunked", body=CHUNKS), {400}),
    "coding_gzip_chunked": (sound(b"Transfer-Encoding: gzip, chunked", body=CHUNKS), {400}),
    "coding_chunked_identity": (sound(b"Transfer-Encoding: chunked, identity", body=CHUNKS), {400}),
    "coding_twice": (sound(CHUNKED, CHUNKED, body=CHUNKS), {400}),
    "coding_vertical_tab": (sound(b"Transfer-Encoding: \x0bchunked", body=CHUNKS), {400}),
    "chunk_size_junk": (sound(CHUNKED, body=b"5x\r\nhello\r\n0\r\n\r\n"), {400}),
    "chunk_size_hex_prefix": (sound(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n"), {400}),
    "chunk_size_negative": (sound(CHUNKED, body=b"-5\r\nhello\r\n0\r\n\r\n"), {400}),
    "chunk_size_huge": (sound(CHUNKED, body=b"fffffffffffffffff\r\nhello"), {400}),
    "chunk_without_end": (sound(CHUNKED, body=b"5\r\nhelloworld\r\n0\r\n\r\n"), {400}),
    "name_with_space": (sound(LENGTH, b"X-A : b"), {400}),
    "name_empty": (sound(LENGTH, b": b"), {400}),
    "name_with_nul": (sound(LENGTH, b"X-\x00A: b"), {400}),
    "value_with_nul": (sound(LENGTH, b"X-A: b\x00c"), {400}),
    "folded_line": (sound(b"X-A: b\r\n c", LENGTH), {400}),
    "no_colon": (sound(LENGTH, b"hello"), {400}),
    "bare_line_feeds": (sound(LENGTH).replace(b"\r\n", b"\n"), {400}),
    "bare_carriage_returns": (sound(LENGTH, b"X-A: b\rX-B: c"), {400}),
    "no_host": (request(AUTHORIZATION, LENGTH, body=ORDER), {400}),
    "two_hosts": (sound(LENGTH, b"Host: y"), {400}),
    "two_equal_hosts": (sound(LENGTH, b"Host: x"), {400}),
    "host_empty": (sound(LENGTH, host=b"Host: "), {400}),
    "host_with_path": (sound(LENGTH, host=b"Host: x/y"), {400}),
    "host_with_user": (sound(LENGTH, host=b"Host: a@x"), {400}),
    "host_with_space": (sound(LENGTH, host=b"Host: x y"), {400}),
    "host_list": (sound(LENGTH, host=b"Host: x, y"), {400}),
    "host_with_bad_port": (sound(LENGTH, host=b"Host: x:port"), {400}),
    "host_beyond_ascii": (sound(LENGTH, host="Host: é".encode()), {400}),
    "host_long": (sound(LENGTH, host=b"Host: " + b"x" * 300), {400}),
    "host_half_bracket": (sound(LENGTH, host=b"Host: [::1"), {400}),
    "http_0_9": (b"GET /v1/things/x\r\n\r\n", {0, 400}),
    "http_0_9_named": (sound(first=b"GET /v1/things/x HTTP/0.9", body=b""), {400}),
    "http_3": (sound(LENGTH, first=b"POST /v1/orders HTTP/3.0"), {400}),
    "http_lower_case": (sound(LENGTH, first=b"POST /v1/orders http/1.1"), {400}),
    "http_1_0_without_host": (request(AUTHORIZATION, LENGTH, first=b"POST /v1/orders HTTP/1.0", body=ORDER), {400}),
    "no_path": (sound(LENGTH, first=b"POST HTTP/1.1"), {400}),
    "two_paths": (sound(LENGTH, first=b"POST /a /b HTTP/1.1"), {400}),
    "relative_path": (sound(LENGTH, first=b"POST v1/orders HTTP/1.1"), {400}),
    "asterisk": (sound(first=b"OPTIONS * HTTP/1.1", body=b""), {400}),
    "connect": (sound(first=b"CONNECT evil.test:443 HTTP/1.1", body=b""), {400}),
    "unknown_method": (sound(first=b"FOO /v1/orders HTTP/1.1", body=b""), {400, 405}),
    "method_lower_case": (sound(LENGTH, first=b"post /v1/orders HTTP/1.1"), {400}),
    "trace": (sound(first=b"TRACE /v1/orders HTTP/1.1", body=b""), {405}),
    "put": (sound(LENGTH, first=b"PUT /v1/orders HTTP/1.1"), {405}),
    "options": (sound(first=b"OPTIONS /v1/orders HTTP/1.1", body=b""), {405}),
    "get_where_post_is": (sound(first=b"GET /v1/orders HTTP/1.1", body=b""), {405}),
    "get_with_a_body": (sound(LENGTH, first=GET), {400}),
    "get_with_chunks": (sound(CHUNKED, first=GET, body=CHUNKS), {400}),
    "head_with_a_body": (sound(LENGTH, first=b"HEAD /v1/things/x HTTP/1.1"), {400}),
    "path_nul": (sound(first=b"GET /v1/things/%00 HTTP/1.1", body=b""), {400}),
    "path_line_break": (sound(first=b"GET /v1/things/a%0d%0aSet-Cookie:x HTTP/1.1", body=b""), {400}),
    "path_not_utf8": (sound(first=b"GET /v1/things/%ff HTTP/1.1", body=b""), {400}),
    "path_raw_bytes": (sound(first=b"GET /v1/things/\xff HTTP/1.1", body=b""), {400}),
    "path_bad_escape": (sound(first=b"GET /v1/things/%zz HTTP/1.1", body=b""), {400}),
    "path_cut_escape": (sound(first=b"GET /v1/things/x% HTTP/1.1", body=b""), {400}),
    "path_climbs": (sound(first=b"GET /v1/things/../orders HTTP/1.1", body=b""), {400}),
    "path_climbs_escaped": (sound(first=b"GET /v1/things/%2e%2e/orders HTTP/1.1", body=b""), {400}),
    "path_climbs_slash_escaped": (sound(first=b"GET /v1/things/%2e%2e%2forders HTTP/1.1", body=b""), {400}),
    "path_dot": (sound(first=b"GET /v1/things/. HTTP/1.1", body=b""), {400}),
    "path_backslash": (sound(first=b"GET /v1/things/a%5cb HTTP/1.1", body=b""), {400}),
    "path_delete": (sound(first=b"GET /v1/things/%7f HTTP/1.1", body=b""), {400}),
    "path_overlong": (sound(first=b"GET /v1/things/%c0%ae%c0%ae HTTP/1.1", body=b""), {400}),
    "query_nul": (sound(first=b"GET /v1/things/x?a=%00 HTTP/1.1", body=b""), {400}),
    "query_line_break": (sound(first=b"GET /v1/things/x?a=%0a HTTP/1.1", body=b""), {400}),
    "query_not_utf8": (sound(first=b"GET /v1/things/x?a=%ff HTTP/1.1", body=b""), {400}),
    "path_1_mib": (sound(first=b"GET /v1/things/" + b"x" * 1_048_576 + b" HTTP/1.1", body=b""), {0, 400, 431}),
    "unknown_path": (sound(LENGTH, first=b"POST /v1/nothing HTTP/1.1"), {404}),
    "double_slash": (sound(LENGTH, first=b"POST //v1/orders HTTP/1.1"), {404}),
    "65_headers": (sound(LENGTH, *[b"X-%d: y" % n for n in range(65)]), {431}),
    "100_headers_of_1_kb": (sound(LENGTH, *[b"X-%d: %b" % (n, b"y" * 1000) for n in range(100)]), {0, 431}),
    "20000_headers": (sound(LENGTH, *[b"X-%d: y" % n for n in range(20_000)]), {0, 400, 431}),
    "header_of_33_kb": (sound(LENGTH, b"X-A: " + b"y" * 33_000), {431}),
    "header_of_8_mib": (sound(LENGTH, b"X-A: " + b"y" * 8_388_608), {0, 431}),
    "websocket": (sound(b"Connection: Upgrade", b"Upgrade: websocket", first=GET, body=b""), {200}),
    "h2c": (sound(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", first=GET, body=b""), {200}),
    "random_bytes": (bytes(range(256)) * 4, {0, 400}),
    "tls_hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n", {0, 400}),
    "proxy_line": (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + sound(LENGTH), {0, 400}),
}  # fmt: skip


@pytest.mark.parametrize(("data", "right"), ABUSE.values(), ids=ABUSE)
def test_abuse_is_refused_before_it_reaches_an_order(edge, data, right):
    before = [reached for reached in edge.reached if reached[0].org]

    answer = edge.raw(data)

    assert status(answer) in right
    assert [reached for reached in edge.reached if reached[0].org] == before
    assert b"Traceback" not in answer


def test_a_refusal_is_a_problem_with_a_request_id_and_closes(edge):
    answer = edge.raw(sound(LENGTH, b"Host: y"))

    head, _, body = answer.partition(b"\r\n\r\n")
    told = json.loads(body)
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head.lower()
    assert told["error_code"] == "invalid_host"
    assert f"x-request-id: {told['request_id']}".encode() in head


def test_405_names_what_is_possible(edge):
    answer = edge.raw(sound(first=b"DELETE /v1/orders HTTP/1.1", body=b""))

    assert status(answer) == 405
    assert b"allow: POST" in answer


@pytest.mark.parametrize("host", [b"x", b"gateway.example.com:8080", b"127.0.0.1", b"[::1]:80", b"a_b.c"])
def test_a_valid_host_passes(edge, host):
    assert status(edge.raw(sound(LENGTH, host=b"Host: " + host))) == 200


def test_chunks_are_read_whole(edge):
    chunks = b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in ORDER) + b"0\r\n\r\n"

    assert status(edge.raw(sound(CHUNKED, body=chunks))) == 200


def test_too_many_chunks_are_refused_before_the_end(edge):
    endless = b"10000\r\n" + b" " * 65_536 + b"\r\n"

    assert status(edge.raw(sound(CHUNKED, body=endless * 5))) == 413


def test_a_large_body_is_refused_by_its_announcement(edge):
    answer = edge.raw(sound(b"Content-Length: 67108864", b"Expect: 100-continue", body=b""))

    assert status(answer) == 413
    assert b"100 Continue" not in answer  # not one byte of the body was asked for


def test_a_sound_answer_is_not_to_be_kept(edge):
    head = edge.raw(sound(LENGTH)).partition(b"\r\n\r\n")[0]

    for line in (
        b"cache-control: no-store",
        b"x-content-type-options: nosniff",
        b"x-frame-options: DENY",
        b"x-request-id: req_",
    ):
        assert line in head
    assert b"server:" not in head


def test_forwarded_headers_are_believed_from_nobody(edge):
    forwarded = (b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-Proto: https", b"Forwarded: for=1.2.3.4;proto=https")

    told = json.loads(edge.raw(sound(*forwarded, first=GET, body=b"")).partition(b"\r\n\r\n")[2])

    assert (told["scheme"], told["client"][0]) == ("http", "127.0.0.1")


def test_an_escaped_path_is_passed_on(edge):
    told = json.loads(
        edge.raw(sound(first=b"GET /v1/things/a%20%C3%A9?q=%C3%A9+x HTTP/1.1", body=b"")).partition(b"\r\n\r\n")[2]
    )

    assert told["path"] == "/v1/things/a é"


def test_the_socket_options_are_those_of_the_configuration():
    options = uvicorn_options(Server(port=1234, grace_seconds=7.0))

    assert (options["port"], options["proxy_headers"], options["timeout_graceful_shutdown"]) == (1234, False, 12)
