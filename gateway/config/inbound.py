"""One entry of an org's ``keys``: where a key comes from and when it counts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, model_validator

from gateway.config.jwks import Algorithm
from gateway.config.keys import InboundKey, KeyOptions, load_inbound, moment
from gateway.config.problems import Wrong
from gateway.config.values import Model, sources

Moment = Annotated[datetime | None, BeforeValidator(moment)]


class KeySource(Model):
    """Exactly one of `file`, `pem` and `jwks`. A JWKS may bring several keys."""

    file: str | None = Field(None, min_length=1, description="Path to a certificate, public key (PEM) or JWKS")
    pem: str | None = Field(None, min_length=1, description="A certificate or public key, inline")
    jwks: str | None = Field(None, min_length=1, description="A JSON Web Key Set, inline")
    kid: str | None = Field(None, min_length=1, max_length=200, description="`kid` its tokens carry, if they carry one")
    algorithm: Algorithm | None = Field(
        None, description="`RS256` (default of RSA keys), `RS512`, or `ES256` (of P-256 keys)"
    )
    not_before: Moment = Field(None, description="Not accepted earlier; a certificate's own dates count as well")
    not_after: Moment = Field(None, description="Not accepted from then on")

    _loaded: tuple[InboundKey, ...] = PrivateAttr(())

    @property
    def loaded(self) -> tuple[InboundKey, ...]:
        """The keys themselves."""
        return self._loaded

    @model_validator(mode="after")
    def _load(self, info: ValidationInfo) -> KeySource:
        given = [name for name in ("file", "pem", "jwks") if getattr(self, name)]
        if len(given) != 1:
            raise Wrong("needs exactly one of file, pem and jwks")
        text = sources(info).read(self.file) if self.file else self.pem or self.jwks or ""
        options = KeyOptions(self.kid, self.algorithm, self.not_before, self.not_after, self.file or "inline")
        self._loaded = load_inbound(text, options)
        return self
