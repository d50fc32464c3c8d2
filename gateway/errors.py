"""
What can go wrong, and who has to act.

    GatewayError
    ├── Rejected          the caller must change the request            (4xx, or 200 with success=false; never retried)
    │   └── Refused       an upstream said no, definitely: nothing was done
    ├── Unavailable       nobody must act; the engine tries again       (503, retried)
    │   ├── Unreachable   the request never reached the upstream: nothing was done
    │   ├── Throttled     the upstream's limiter turned it away: nothing was done
    │   └── CircuitOpen   the upstream is away as a whole: not even tried
    ├── UnknownOutcome    it was sent and nobody knows what happened: same key again, then look it up
    └── Misconfigured     the operator must act                         (circuit or dead letter)
        └── Away          the upstream is away as a whole: somebody should look

``code`` is what Salesforce shows and reports group by, so it never changes once released.
"""

from __future__ import annotations


class GatewayError(Exception):
    """
    Base of everything the gateway raises on purpose.

    ``message`` is plain words for the person who must act: what happened and who mends it. It never holds card
    data, tokens or e-mail addresses, because it is stored and logged.
    """

    http_status = 500
    retryable = False

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after
        self.url = url  # the page where the reader can act, e.g. the invoice that is in the way
        if http_status is not None:
            self.http_status = http_status


class Rejected(GatewayError):
    """The caller must change the request; ``http_status`` 200 marks a business refusal."""

    http_status = 422


class Refused(Rejected):
    """
    An upstream refused, definitely, before any effect of this call.

    ``param`` is the upstream's name of the offending parameter or field; ``replayed`` tells that Stripe answered
    from its idempotency cache (header ``Idempotent-Replayed``), so the refusal may be an old one.
    """

    http_status = 200

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        request_id: str | None = None,
        replayed: bool = False,
    ) -> None:
        super().__init__(code, message, field=param)
        self.status = status
        self.param = param
        self.request_id = request_id
        self.replayed = replayed


class Unavailable(GatewayError):
    """Nobody must act: the engine tries again by itself."""

    http_status = 503
    retryable = True


class Unreachable(Unavailable):
    """The request never left, or the connection could not be made: nothing was done."""


class Throttled(Unavailable):
    """Turned away by the upstream's limiter before it looked at the request (429, 409 key in use, lock)."""

    http_status = 503


class CircuitOpen(Unavailable):
    """Not tried: the circuit of ``scope`` is open, and it is for its probe to find out when it may be closed."""

    def __init__(self, code: str, message: str, *, scope: str, retry_after: float) -> None:
        super().__init__(code, message, retry_after=retry_after)
        self.scope = scope


class UnknownOutcome(GatewayError):
    """
    Sent, and the answer is unknown (reset, timeout, truncated, unreadable 2xx, 5xx).

    ``replayed`` tells that Stripe replayed a cached error: the same key can never succeed, so look the object up
    and go on with the next generation of the key.
    """

    http_status = 503
    retryable = True

    def __init__(
        self,
        code: str,
        message: str,
        *,
        request_id: str | None = None,
        replayed: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message, retry_after=retry_after)
        self.request_id = request_id
        self.replayed = replayed


class Misconfigured(GatewayError):
    """
    The operator or admin must act: key, scope, login, permission set, package.

    ``scope`` names what is affected, its circuit opens: ``stripe:us``, ``stripe:us:billing:POST /v1/refunds``,
    ``salesforce:00D…``.
    """

    http_status = 503
    retryable = True

    def __init__(self, code: str, message: str, *, scope: str = "", request_id: str | None = None) -> None:
        super().__init__(code, message)
        self.scope = scope
        self.request_id = request_id


class Away(Misconfigured):
    """An upstream that has not answered anything for a while: nothing is wrong here, yet somebody should look."""
