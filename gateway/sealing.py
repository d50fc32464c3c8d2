"""Sealed column values (AES-256-GCM, a named key, bound to their place) and blind indexes to find them by."""

from __future__ import annotations

import hashlib
import hmac
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Misconfigured

_PLAIN, _DEFLATED = 1, 2  # first byte of a blob: the form of what was encrypted
_COMPRESS_ABOVE = 100  # bytes; JSON below this gains nothing
# What plans and rows of the mirror look like: a value shorter than its member names needs those names only once and
# for all (a plan of 2.6 KB becomes 0.25 KB instead of 0.93, at a third of the CPU). Never edited: what was sealed with
# these words opens with these words only. Better ones are a new file and a new form.
_WORDS = Path(__file__).with_name("sealing_words_1.json").read_bytes()
_WINDOW, _LEVEL, _MEMORY = -14, 3, 7  # raw deflate; the window covers the words
_DEFLATER = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _WORDS)
_KEY_BYTES = 32
_NONCE_BYTES = 12  # random; NIST SP 800-38D allows 2^32 of them under one key
_BLIND_BYTES = 16


class Sealer:
    """
    Seals with ``current`` and opens with any of ``keys``, so a key is rotated by adding one and naming it.

    ``bound_to`` names table, column and row (``action.plan:act_…``): a blob moved elsewhere does not open.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str, index_key: bytes) -> None:
        if current not in keys:
            raise Misconfigured("sealing_key_unknown", f"the current sealing key {current!r} is not among the keys")
        for name, key in keys.items():
            if len(key) != _KEY_BYTES or not 1 <= len(name.encode()) <= 255:
                raise Misconfigured("sealing_key_invalid", f"sealing key {name!r} must be {_KEY_BYTES} bytes and named")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = self._ciphers[current]
        self._prefixes = {form: _prefix(form, current) for form in (_PLAIN, _DEFLATED)}
        self._index_key = index_key

    def __repr__(self) -> str:
        return f"Sealer(keys={sorted(self._ciphers)})"

    def seal(self, data: bytes, bound_to: str) -> bytes:
        """Encrypt ``data`` (compressed when that pays) for one place."""
        form = _PLAIN
        if len(data) > _COMPRESS_ABOVE:
            form, data = _DEFLATED, _deflated(data)
        prefix = self._prefixes[form]
        nonce = os.urandom(_NONCE_BYTES)
        return prefix + nonce + self._current.encrypt(nonce, data, prefix + bound_to.encode())

    def open(self, blob: bytes, bound_to: str) -> bytes:
        """Decrypt what ``seal`` made for the same place; raises Misconfigured for anything else."""
        end = 2 + blob[1] if len(blob) > 1 else 0
        prefix, key_id = blob[:end], blob[2:end].decode(errors="replace")
        cipher = self._ciphers.get(key_id)
        if cipher is None or blob[0] not in {_PLAIN, _DEFLATED}:
            raise Misconfigured(
                "sealing_key_unknown", f"{bound_to} is sealed with key {key_id!r}: add that key to the sealing keys"
            )
        try:
            nonce, secret = blob[end : end + _NONCE_BYTES], blob[end + _NONCE_BYTES :]
            data = cipher.decrypt(nonce, secret, prefix + bound_to.encode())
        except (InvalidTag, ValueError) as exc:
            message = f"{bound_to} does not open with key {key_id!r}: the stored value or the key was changed"
            raise Misconfigured("sealed_value_broken", message) from exc
        return _inflated(data) if blob[0] == _DEFLATED else data

    def key_of(self, blob: bytes) -> str:
        """Id of the key a blob is sealed with: what a key rotation looks for."""
        return blob[2 : 2 + blob[1]].decode()

    def blind(self, kind: str, value: str) -> bytes:
        """Keyed hash by which a sealed value can be found; ``kind`` keeps e-mails and ids apart."""
        message = f"{kind}\0{value}".encode()
        return hmac.new(self._index_key, message, hashlib.sha256).digest()[:_BLIND_BYTES]


def _deflated(data: bytes) -> bytes:
    deflater = _DEFLATER.copy()  # the words are digested once
    return deflater.compress(data) + deflater.flush()


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj(_WINDOW, _WORDS).decompress(data)


def _prefix(form: int, key_id: str) -> bytes:
    name = key_id.encode()
    return bytes((form, len(name))) + name
