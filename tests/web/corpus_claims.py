"""Tokens signed by the right key that say the wrong thing, each with the reason the log gives."""

from __future__ import annotations

from tests.support.tokens import AT, ORG, USER, claims, header, sign, without


def with_claims(**members: object) -> str:
    return sign(header(), claims(**members))


def claim(name: str, values: dict[str, object], reason: str) -> dict[str, tuple[str, str]]:
    return {f"{name}_{label}": (with_claims(**{name: value}), reason) for label, value in values.items()}


MISSING = {
    f"{name}_missing": (sign(header(), without(claims(), name)), reason)
    for name, reason in {
        "iss": "iss_unusable", "aud": "aud_differs", "sub": "sub_unusable", "iat": "iat_unusable",
        "exp": "exp_unusable",
    }.items()
}  # fmt: skip

ISSUERS = {
    **claim("iss", {"null": None, "empty": "", "number": 1, "list": [ORG], "object": {}, "space": f"{ORG} ",
                    "newline": f"{ORG}\n", "long": "x" * 300}, "iss_unusable"),
    **claim("iss", {"unknown_org": "00D5g000005XXXX", "lower_case": ORG[:15].lower(),
    "wrong_suffix": ORG[:15] + "AAA",
                    "entity": "us", "name": "acme", "url": f"https://login.salesforce.com/{ORG}", "part": ORG[:14],
                    "more": f"{ORG}0", "full_width": "００D5g000004ABCD", "wildcard": "*"}, "iss_unknown"),
}  # fmt: skip

AUDIENCES = claim("aud", {
    "null": None, "empty": "", "other": "https://login.salesforce.com", "upper_case": "STRIPE-GATEWAY",
    "longer": "stripe-gateway2",
    "shorter": "stripe-gate", "space": "stripe-gateway ", "number": 1, "true": True, "object": {"stripe-gateway": 1},
    "empty_list": [], "other_list": ["x"], "two": ["stripe-gateway", "other"], "twice": ["stripe-gateway",
    "stripe-gateway"],
    "nested": [["stripe-gateway"]], "separated": "stripe-gateway other", "url": "https://gateway.example.com",
}, "aud_differs")  # fmt: skip

SUBJECTS = {
    **claim("sub", {"null": None, "empty": "", "number": 5, "list": [USER], "object": {}, "newline": f"{USER}\n",
                    "spaces": f" {USER}", "nul_free_control": "a\x07b", "long": "a" * 257, "bidi": f"\u202e{USER}"},
                    "sub_unusable"),
    **claim("sub", {"unknown_automation": "other-automation", "automation_of_the_other_org": "beta-automation",
                    "automation_upper_case": "GATEWAY-AUTOMATION", "wrong_suffix": USER[:15] + "AAA",
                    "lost_case": USER[:15].lower() + USER[15:],
                    "short": USER[:14], "formula": f"User={USER[:15]}", "email": "rep@acme.example.com",
                    "wildcard": "*",
                    "path": "../../../etc/pass", "query": "005' OR Id != '"}, "sub_unknown"),
    **claim("sub", {"account": "0015g000008XYZa", "org": ORG, "guest_like": "0035g000008XYZa"}, "sub_no_user"),
}  # fmt: skip

TIMES = {
    **claim("exp", {"null": None, "true": True, "float": AT + 60.5, "text": "soon", "empty": "",
    "fraction_text": f"{AT}.5",
                    "exponent_text": "1e10", "signed_text": f"+{AT + 60}", "negative_text": f"-{AT}",
                    "spaced_text": f" {AT + 60}",
                    "full_width": "１７９５３", "hex": "0x6a", "zero": 0, "negative": -1, "zero_text": "0",
                    "leading_zero": f"0{AT + 60}",
                    "list": [AT + 60], "milliseconds": (AT + 60) * 1000, "milliseconds_text": str((AT + 60) * 1000),
                    "endless_text": "9" * 300, "huge": 10**30, "date": "2026-11-22T12:10:00Z"}, "exp_unusable"),
    **claim("exp", {"past": AT - 31, "past_text": str(AT - 31), "just_past_leeway": AT - 30, "long_past": 1},
    "expired"),
    **claim("exp", {"901_s": AT - 5 + 901, "a_day": AT + 86_400, "ten_years": AT + 315_360_000,
    "far_text": "9999999999"}, "lives_too_long"),
    **claim("iat", {"null": None, "true": True, "float": AT - 5.5, "text": "now", "negative": -5, "zero": 0,
    "list": [AT],
                    "milliseconds": AT * 1000, "far_text": "9" * 13}, "iat_unusable"),
    **claim("iat", {"future": AT + 31, "future_text": str(AT + 90), "after_exp": AT + 116}, "not_yet_valid"),
    **claim("iat", {"a_day_old": AT - 86_400, "long_ago": 1}, "lives_too_long"),
    "exp_before_iat": (with_claims(iat=AT + 20, nbf=AT, exp=AT + 10), "lives_too_long"),
    "exp_is_iat": (with_claims(iat=AT + 20, nbf=AT, exp=AT + 20), "lives_too_long"),
    **claim("nbf", {"null": None, "true": True, "text": "later", "list": [], "milliseconds": AT * 1000,
    "float": AT + 0.5}, "nbf_unusable"),
    **claim("nbf", {"future": AT + 31, "future_text": str(AT + 60)}, "not_yet_valid"),
    **claim("jti", {"null": None, "number": 1, "empty": "", "control": "a\nb", "long": "j" * 257, "list": []},
    "jti_unusable"),
}  # fmt: skip

CLAIMS = {**MISSING, **ISSUERS, **AUDIENCES, **SUBJECTS, **TIMES}
