"""Bodies that must be refused: bytes, the status and the code of the answer, and the member it names."""

from __future__ import annotations

import gzip
import json
from typing import Any

Case = tuple[bytes, int, str, str | None]

RECORD = "0015000000D8cuI"
BASE: dict[str, Any] = {"record_id": RECORD, "amount": "12.50"}


def body(**members: Any) -> bytes:
    return json.dumps({**BASE, **members}).encode()


def raw(text: str) -> bytes:
    """The members as written, beside a sound record id."""
    return f'{{"record_id":"{RECORD}",{text}}}'.encode()


def cases(status: int, code: str, field: str | None, bodies: dict[str, bytes]) -> dict[str, Case]:
    return {name: (data, status, code, field) for name, data in bodies.items()}


MALFORMED = cases(400, "malformed_request", None, {
    "empty": b"", "blank": b"  \n", "word": b"hello", "cut": body()[:-1], "cut_in_text": body()[:20],
    "twice": body() + body(),
    "trailing_text": body() + b"x", "trailing_nul": body() + b"\x00", "leading_nul": b"\x00" + body(),
    "trailing_comma": raw('"amount":"1",'), "comma_in_list": raw('"amount":"1","lines":[1,]'),
    "missing_comma": raw('"amount":"1" "memo":"x"'),
    "missing_colon": raw('"amount" "1"'), "single_quotes": raw("'amount':'1'"), "no_quotes": raw("amount:1"),
    "line_comment": b"// x\n" + body(), "block_comment": raw('"amount":/**/"1"'), "hash_comment": b"# x\n" + body(),
    "nan": raw('"amount":NaN'), "infinity": raw('"amount":Infinity'), "negative_infinity": raw('"amount":-Infinity'),
    "undefined": raw('"amount":undefined'), "python_none": raw('"amount":None'),
    "python_true": raw('"amount":"1","send":True'),
    "hex_number": raw('"amount":0x10'), "leading_zero": raw('"amount":010'), "leading_plus": raw('"amount":+1'),
    "leading_point": raw('"amount":.5'), "trailing_point": raw('"amount":5.'), "underscore": raw('"amount":1_000'),
    "many_digits": raw('"amount":' + "9" * 5000), "many_digits_after_point": raw('"amount":1.' + "1" * 5000),
    "huge_exponent": raw('"amount":1e99999'), "endless_exponent": raw('"amount":1e' + "9" * 4000),
    "tiny_exponent": raw('"amount":1e-99999'),
    "duplicate_amount": raw('"amount":"1","amount":"2"'), "duplicate_same": raw('"amount":"1","amount":"1"'),
    "duplicate_escaped": raw('"amount":"1","\\u0061mount":"2"'),
    "duplicate_deep": raw('"amount":"1","lines":[{"quantity":1,"quantity":2}]'),
    "duplicate_record": raw(f'"amount":"1","record_id":"{RECORD}"'),
    "nested_33": raw('"amount":"1","memo":' + "[" * 33 + "]" * 33),
    "nested_5000": raw('"amount":' + "[" * 5000 + "]" * 5000),
    "nested_100000": b"[" * 100_000, "nested_objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "nested_mixed": b'[{"a":' * 40_000,
    "half_character": raw('"amount":"1","memo":"\\ud800"'), "other_half": raw('"amount":"1","memo":"x\\udfffy"'),
    "swapped_halves": raw('"amount":"1","memo":"\\ude00\\ud83d"'), "half_in_a_name": raw('"amount":"1","\\ud800":1'),
    "escaped_nul": raw('"amount":"1","memo":"a\\u0000b"'), "nul_in_a_name": raw('"amount":"1","a\\u0000":1'),
    "raw_newline": raw('"amount":"1","memo":"a\nb"'), "raw_tab": raw('"amount":"1","memo":"a\tb"'),
    "raw_nul": raw('"amount":"1","memo":"a\x00b"'),
    "bad_escape": raw('"amount":"1","memo":"\\x41"'), "short_escape": raw('"amount":"1","memo":"\\u12"'),
    "lone_backslash": raw('"amount":"1","memo":"\\"'),
    "invalid_utf8": raw('"amount":"1"').replace(b'"1"', b'"\xff"'),
    "overlong_utf8": raw('"amount":"1"').replace(b'"1"', b'"\xc0\xaf"'),
    "surrogate_utf8": raw('"amount":"1"').replace(b'"1"', b'"\xed\xa0\x80"'),
    "latin1": raw('"amount":"1","memo":"é"').decode().encode("latin-1"),
    "byte_order_mark": b"\xef\xbb\xbf" + body(), "utf16": body().decode().encode("utf-16"),
    "utf16_le": body().decode().encode("utf-16-le"),
    "utf16_be": body().decode().encode("utf-16-be"), "utf32": body().decode().encode("utf-32"),
    "gzip_without_saying": gzip.compress(body()),
    "form": b"record_id=0015000000D8cuI&amount=12.50",
    "multipart": b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", "xml": b"<order/>",
    "list": b"[]", "list_of_one": b"[" + body() + b"]", "null": b"null", "number": b"12", "text": b'"x"',
    "true": b"true",
    "json_in_json": json.dumps(body().decode()).encode(), "lines": body() + b"\n" + body(),
})  # fmt: skip

TOO_LARGE = cases(413, "body_too_large", None, {
    "one_byte_too_many": body(memo="").ljust(262_145), "spaces": b" " * 262_145,
    "300_kb_text": body(memo="x" * 300_000),
})  # fmt: skip

AMOUNTS = {
    name: (data, 422, "invalid_amount", "amount")
    for name, data in {
        **{f"amount_{label}": body(amount=value) for label, value in {
            "excess_precision": "10.005", "excess_precision_small": "0.001", "negative": "-1", "minus_zero": "-0",
            "zero": "0",
            "zero_decimals": "0.00", "comma": "10,00", "grouped": "1,000.00", "exponent": "1e3", "full_width": "１０",
            "arabic": "١٠",
            "space_before": " 10", "space_after": "10 ", "plus": "+10", "no_fraction": "10.", "no_whole": ".5",
            "leading_zeros": "007",
            "empty": "", "nan": "NaN", "infinity": "Infinity", "hex": "0x10", "underscore": "1_000",
            "with_currency": "10 USD",
            "symbol": "$10", "too_large": "10000000000.00", "far_too_large": "1" * 60, "int_too_large": 10**12,
            "int_zero": 0,
            "int_negative": -1, "newline": "10\n", "words": "ten", "fraction": "1/2", "percent": "10%",
            "two_points": "1.2.3",
        }.items()},
        **{f"amount_number_{label}": raw(f'"amount":{text}') for label, text in {
            "excess_precision": "10.005", "sum_of_floats": "0.30000000000000004", "negative": "-1.5",
            "minus_zero": "-0.0",
            "exponent": "1e3", "exponent_upper": "1E+2", "1e309": "1e309", "tiny": "1e-9", "zero": "0.0",
        }.items()},
    }.items()
}  # fmt: skip

CURRENCIES = {
    **{
        f"currency_{label}": (body(currency=value), 422, "unknown_currency", "currency")
        for label, value in {"unknown": "zzz", "empty": "", "two_letters": "us", "four_letters": "usdd",
        "symbol": "$", "full_width": "ＵＳＤ",
        "space": "usd ", "uganda": "ugx", "ligature": "ﬀf", "crypto": "btc", "number_text": "840"}.items()
    },
    **{
        f"{label}": (body(amount=amount, currency=currency), 422, "invalid_amount", "amount")
        for label, amount, currency in [("jpy_fraction", "100.5", "jpy"), ("kwd_last_digit", "1.234", "kwd"),
        ("isk_fraction", "5.50", "isk"),
                                        ("bhd_four_decimals", "1.0001", "BHD"), ("usd_three_decimals", "1.234", "USD")]
    },
}  # fmt: skip

IDS = {
    f"id_{label}": (body(record_id=value), 422, "invalid_id", "record_id")
    for label, value in {
        "empty": "", "14": RECORD[:14], "16": f"{RECORD}A", "17": f"{RECORD}AA", "19": f"{RECORD}AAR0",
        "wrong_suffix": f"{RECORD}AAQ",
        "lower_suffix": f"{RECORD}aar", "lost_case": f"{RECORD.lower()}AAR", "path": "001.../../limits",
        "climb": "../../../../etc",
        "oauth": "../../services/oauth2/revoke", "query": "x' OR Id != '", "url_parts": "a?b#c",
        "url": "https://evil.test",
        "unicode_digits": "００１5000000D8cuI", "accent": "0015000000D8cuÍ", "space": " 015000000D8cuI",
        "newline": f"{RECORD[:14]}\n",
        "newline_after": f"{RECORD}\n", "percent": "001%2e%2e%2fD8cuI", "null_id": "000000000000000",
        "dash": "0015-00000D8cuI", "wildcard": "%",
        "long": "0" * 5000,
    }.items()
}  # fmt: skip

TYPES = {
    f"type_{label}": (body(**{name: value}), 422, "invalid_member", field)
    for label, name, value, field in [
        ("record_number", "record_id", 1, "record_id"), ("record_null", "record_id", None, "record_id"),
        ("record_list", "record_id", [RECORD], "record_id"),
        ("record_object", "record_id", {"id": RECORD}, "record_id"), ("amount_null", "amount", None, "amount"),
        ("amount_true", "amount", True, "amount"),
        ("amount_list", "amount", ["1"], "amount"), ("amount_object", "amount", {"value": 1}, "amount"),
        ("currency_null", "currency", None, "currency"),
        ("currency_number", "currency", 840, "currency"), ("send_text", "send", "true", "send"), ("send_number",
        "send", 1, "send"),
        ("send_null", "send", None, "send"), ("memo_number", "memo", 5, "memo"), ("memo_long", "memo", "x" * 201,
        "memo"),
        ("lines_object", "lines", {}, "lines"), ("lines_null", "lines", None, "lines"), ("lines_text", "lines", "x",
        "lines"),
        ("lines_six", "lines", [{"description": "x"}] * 6, "lines"), ("line_text", "lines", ["x"], "lines[0]"),
        ("line_null", "lines", [None], "lines[0]"),
        ("line_empty_text", "lines", [{"description": ""}], "lines[0].description"),
        ("line_long_text", "lines", [{"description": "x" * 501}], "lines[0].description"),
        ("second_line_number", "lines", [{"description": "x"}, {"description": 1}], "lines[1].description"),
        ("quantity_text", "lines", [{"description": "x", "quantity": "1"}], "lines[0].quantity"),
        ("quantity_zero", "lines", [{"description": "x", "quantity": 0}], "lines[0].quantity"),
        ("quantity_true", "lines", [{"description": "x", "quantity": True}], "lines[0].quantity"),
        ("quantity_fraction", "lines", [{"description": "x", "quantity": 1.5}], "lines[0].quantity"),
        ("request_key_number", "request_key", 7, "request_key"), ("request_key_list", "request_key", [],
        "request_key"),
    ]
}  # fmt: skip

MEMBERS: dict[str, Case] = {
    "no_members": (b"{}", 422, "missing_member", "record_id"),
    "record_missing": (b'{"amount":"1"}', 422, "missing_member", "record_id"),
    "amount_missing": (raw('"memo":"x"'), 422, "missing_member", "amount"),
    "line_without_description": (body(lines=[{}]), 422, "missing_member", "lines[0].description"),
    "unknown": (body(amuont="1"), 422, "unknown_member", "amuont"),
    "unknown_case": (body(Amount="1"), 422, "unknown_member", "Amount"),
    "unknown_empty": (body(**{"": 1}), 422, "unknown_member", '""'),
    "unknown_in_a_line": (body(lines=[{"description": "x", "price": 1}]), 422, "unknown_member", "lines[0].price"),
    "prototype": (body(__proto__={"admin": True}), 422, "unknown_member", "__proto__"),
    "constructor": (body(constructor=1), 422, "unknown_member", "constructor"),
    "authority": (body(actor_user_id="0055g000008XYZa"), 422, "unknown_member", "actor_user_id"),
    "callback": (body(callback_url="http://169.254.169.254/"), 422, "unknown_member", "callback_url"),
    "instance": (body(instance_url="https://evil.my.salesforce.com.evil.test"), 422, "unknown_member", "instance_url"),
    "newline_in_a_name": (body(**{"a\nb": 1}), 422, "unknown_member", "a?b"),
    "bidi_in_a_name": (body(**{"a\u202eb": 1}), 422, "unknown_member", "a?b"),
    "long_name": (body(**{"x" * 500: 1}), 422, "unknown_member", "x" * 100),
    "full_width_name": (raw('"amount":"1","ａmount":1'), 422, "unknown_member", "ａmount"),
}

KEYS = {
    f"request_key_{label}": (body(request_key=value), 422, "invalid_request_key", "request_key")
    for label, value in {"empty": "", "long": "x" * 256, "space": " ", "accent": "é", "newline": "a\nb",
    "tab": "a\tb", "space_before": " a",
                         "delete": "a\x7f", "emoji": "🔑"}.items()
}  # fmt: skip

CARDS = {
    f"card_{label}": (data, 422, "card_data_refused", field)
    for label, data, field in [
        ("in_memo", body(memo="4242424242424242"), "memo"), ("spaced",
        body(memo="pay with 4242 4242 4242 4242 please"), "memo"),
        ("dashed", body(memo="4242-4242-4242-4242"), "memo"), ("amex", body(memo="378282246310005"), "memo"),
        ("number", body(amount=4242424242424242), "amount"), ("decimal", raw('"amount":4242424242424242.0'),
        "amount"),
        ("in_a_line", body(lines=[{"description": "card 5555555555554444"}]), "lines[0].description"),
        ("in_a_name", body(**{"4242424242424242": 1}), "[card number]"), ("request_key",
        body(request_key="4242424242424242"), "request_key"),
        ("escaped", raw('"amount":"1","memo":"\\u0034242424242424242"'), "memo"), ("full_width",
        body(memo="４２４２４２４２４２４２４２４２"), "memo"),
        ("unknown_member", body(card={"number": "4242424242424242"}), "card.number"), ("as_record",
        body(record_id="4242424242424242"), "record_id"),
        ("with_code", body(memo="4242424242424242 12/30 123"), "memo"),
    ]
}  # fmt: skip

BAD: dict[str, Case] = {**MALFORMED, **TOO_LARGE, **AMOUNTS, **CURRENCIES, **IDS, **TYPES, **MEMBERS, **KEYS, **CARDS}

# Content types (and encodings) that are not JSON in UTF-8.
UNSUPPORTED: dict[str, list[tuple[str, str]]] = {
    "none": [],
    "empty": [("Content-Type", "")],
    "text": [("Content-Type", "text/plain")],
    "form": [("Content-Type", "application/x-www-form-urlencoded")],
    "multipart": [("Content-Type", "multipart/form-data; boundary=x")],
    "xml": [("Content-Type", "application/xml")],
    "javascript": [("Content-Type", "application/javascript")],
    "text_json": [("Content-Type", "text/json")],
    "lines": [("Content-Type", "application/jsonl")],
    "longer": [("Content-Type", "application/jsonx")],
    "latin1": [("Content-Type", "application/json; charset=latin-1")],
    "utf16": [("Content-Type", "application/json; charset=utf-16")],
    "other_parameter": [("Content-Type", "application/json; version=2")],
    "list_of_types": [("Content-Type", "application/json, text/plain")],
    "twice": [("Content-Type", "application/json"), ("Content-Type", "application/json")],
    "gzip": [("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
    "deflate": [("Content-Type", "application/json"), ("Content-Encoding", "deflate")],
    "unknown_encoding": [("Content-Type", "application/json"), ("Content-Encoding", "x")],
}
