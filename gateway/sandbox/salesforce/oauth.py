"""
The token endpoint: OAuth 2.0 JWT bearer, the assertion really verified.

Flow and claims: Salesforce Help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration".
"""

from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.sandbox.salesforce.forms import read_form
from gateway.sandbox.salesforce.org import Org
from gateway.sandbox.salesforce.world import SandboxUser

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MAX_AHEAD = 300 + 60
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthError(Exception):
    """``error`` and ``error_description`` of RFC 6749 §5.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


def load_public_key(pem: str) -> RSAPublicKey:
    """From the certificate uploaded to the app, or a bare public key."""
    data = pem.encode()
    key = load_pem_x509_certificate(data).public_key() if b"CERTIFICATE" in data else load_pem_public_key(data)
    if not isinstance(key, RSAPublicKey):
        raise TypeError("the app's key must be RSA")
    return key


class TokenEndpoint:
    """``POST /services/oauth2/token`` and ``GET /services/oauth2/userinfo``."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.key = load_public_key(org.world.app.public_key)

    async def token(self, request: Request) -> Response:
        form = await read_form(request)
        base = f"{request.url.scheme}://{request.url.netloc}"
        try:
            user = self.verify(form, base)
        except OAuthError as exc:
            body = {"error": exc.error, "error_description": exc.description}
            return JSONResponse(body, 400, headers=NO_STORE)
        session = self.org.login(user)
        return JSONResponse(
            {
                "access_token": session.token,
                "scope": "api",
                "instance_url": base,
                "id": f"{base}/id/{self.org.world.org_id}/{user.id}",
                "token_type": "Bearer",
            },
            headers=NO_STORE,
        )

    def verify(self, form: Mapping[str, str], base: str) -> SandboxUser:
        """The user the assertion stands for; raises OAuthError."""
        if form.get("grant_type") != GRANT:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        if not form.get("assertion"):
            raise OAuthError("invalid_request", "missing required parameter: assertion")
        claims = self.claims(form["assertion"], base)
        return self.subject(claims)

    def claims(self, assertion: str, base: str) -> Mapping[str, Any]:
        try:
            unverified = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError as exc:
            raise OAuthError("invalid_grant", "invalid assertion") from exc
        if unverified.get("iss") != self.org.world.app.consumer_key:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        try:
            claims: Mapping[str, Any] = jwt.decode(assertion, self.key, algorithms=["RS256"], options=options)
        except jwt.PyJWTError as exc:
            raise OAuthError("invalid_grant", "invalid assertion") from exc
        if claims.get("aud") not in {*self.org.world.login_audiences(), base}:
            raise OAuthError("invalid_grant", "audience is invalid")
        self.check_expiry(claims.get("exp"))
        return claims

    def check_expiry(self, given: Any) -> None:
        try:
            expires = float(given) if not isinstance(given, bool) else -1.0
        except (TypeError, ValueError) as exc:
            raise OAuthError("invalid_grant", "invalid assertion") from exc
        now = self.org.clock.now()
        if not now - 30 < expires <= now + MAX_AHEAD:
            raise OAuthError("invalid_grant", "expired authorization code" if expires <= now else "invalid assertion")

    def subject(self, claims: Mapping[str, Any]) -> SandboxUser:
        name = claims.get("sub") or claims.get("prn")
        user = next((entry for entry in self.org.world.users if entry.username == name), None)
        if user is None:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        if not self.org.is_active(user.id):
            raise OAuthError("invalid_grant", "inactive user")
        approved = self.org.world.app.approved
        if approved is not None and user.username not in approved:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        return user

    async def userinfo(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        session = self.org.session(token)
        if session is None:
            return Response("Bad_OAuth_Token", 403, media_type="text/html")
        user = session.user
        return JSONResponse(
            {
                "sub": f"{request.url.scheme}://{request.url.netloc}/id/{self.org.world.org_id}/{user.id}",
                "user_id": user.id,
                "organization_id": self.org.world.org_id,
                "preferred_username": user.username,
                "name": user.name,
                "email": user.email,
                "active": True,
            }
        )
