"""Proofs of attempts: whoever speaks from within one shows that it is this one and no other."""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from core import plainfile
from core.home import HomeError

if TYPE_CHECKING:
    from pathlib import Path

SECRET_BYTES = 32
TOKEN_SIGNS = 32


class Tokens:
    """Tokens are made from the attempt's id and the secret of the home: none is kept anywhere by the engine."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, attempt: str) -> str:
        return hmac.new(self._secret, attempt.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:TOKEN_SIGNS]

    def proves(self, attempt: str, token: str) -> bool:
        """Takes the same time whatever the token is."""
        return hmac.compare_digest(self.of(attempt).encode(), token.encode("utf-8", "replace"))


def open_tokens(path: Path) -> Tokens:
    """With the secret of the file, which is made where there is none. HomeError where it cannot be used."""
    try:
        if not os.path.lexists(path):
            _make_secret(path)
        secret = plainfile.read_part(path, 0, SECRET_BYTES + 1)
    except OSError as error:
        raise HomeError(f"cannot use {path}: {plainfile.in_words(error)}") from error
    if len(secret) != SECRET_BYTES:
        raise HomeError(f"{path} is not a secret of muxdeck: remove it while nothing runs, and a new one is made")
    return Tokens(secret)


def _make_secret(path: Path) -> None:
    """Whole or not at all, and never over one that is there."""
    growing = path.with_suffix(f".{os.getpid()}")
    plainfile.write_whole(growing, os.urandom(SECRET_BYTES), sync=True)
    with suppress(FileExistsError):
        os.link(growing, path)
    growing.unlink()
