"""Keys and what they protect: sealed credentials, pseudonyms of persons, signed sessions."""

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from kpulse.errors import ConfigError, StoreError

REFERENCES = ("env:", "file:")


class Keyring:
    """The keys in a folder that only the service may read; they are made at first use.

    ``sealing.keys`` holds one Fernet key a line, the newest first; ``pseudonym.key`` and ``session.key`` one key each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pseudonym = lru_cache(maxsize=100_000)(self._pseudonym)

    def seal(self, value: str) -> str:
        """``value`` sealed with the newest key; references (``env:NAME``, ``file:PATH``) stay readable."""
        return value if value.startswith(REFERENCES) else self._fernet().encrypt(value.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """The value behind ``sealed``. ConfigError when a reference leads nowhere, StoreError when the key is lost."""
        if sealed.startswith("env:"):
            return _from_env(sealed[4:])
        if sealed.startswith("file:"):
            return _from_file(Path(sealed[5:]))
        try:
            return self._fernet().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise StoreError(
                f"A stored credential cannot be opened with the keys in {self.folder}; restore them or enter the credential again."
            ) from None

    def rotate(self) -> None:
        """Put a new sealing key before the old ones, which still open what they sealed."""
        path = self.folder / "sealing.keys"
        old = self._lines("sealing.keys")
        _write_private(path, "\n".join([Fernet.generate_key().decode(), *old]) + "\n")

    def session_key(self) -> str:
        """The key that signs browser sessions."""
        return self._lines("session.key")[0]

    def _pseudonym(self, source_id: int, person: str) -> str:
        key = self._lines("pseudonym.key")[0].encode()
        return hmac.new(key, f"{source_id}\0{person}".encode(), hashlib.sha256).hexdigest()[:24]

    def _fernet(self) -> MultiFernet:
        try:
            return MultiFernet([Fernet(line) for line in self._lines("sealing.keys")])
        except ValueError:
            raise StoreError(f"{self.folder / 'sealing.keys'} holds no usable key; restore it from a backup.") from None

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        if not path.exists():
            made = Fernet.generate_key().decode() if name == "sealing.keys" else secrets.token_urlsafe(48)
            _write_private(path, made + "\n", exclusive=True)
        lines = path.read_text(encoding="ascii").split()
        if not lines:
            raise StoreError(f"{path} is empty; restore it from a backup.")
        return lines


def _write_private(path: Path, text: str, *, exclusive: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")  # its own, also among threads
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    if not exclusive:
        draft.replace(path)
        return
    try:
        os.link(draft, path)  # fails when another process was first, whose key then counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _from_env(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConfigError(f"The credential is read from the environment variable {name}, which is not set.")
    return value


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        raise ConfigError(f"The credential is read from the file {path}, which cannot be read.") from None
