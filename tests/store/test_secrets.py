"""Sealed credentials, references and pseudonyms."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kpulse.errors import ConfigError, StoreError
from kpulse.store.secrets import Keyring


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_what_is_sealed_opens_again_also_after_rotation(folder: Path) -> None:
    ring = Keyring(folder)
    sealed = ring.seal("tøken")
    assert "tøken" not in sealed
    ring.rotate()
    assert ring.unseal(sealed) == Keyring(folder).unseal(ring.seal("tøken")) == "tøken"
    assert len((folder / "sealing.keys").read_text().split()) == 2


def test_a_lost_key_is_said_in_a_sentence(folder: Path) -> None:
    sealed = Keyring(folder).seal("token")
    (folder / "sealing.keys").unlink()
    with pytest.raises(StoreError, match="enter the credential again"):
        Keyring(folder).unseal(sealed)


@pytest.mark.parametrize("content", ["", "not a key\n"])
def test_a_broken_key_file_is_said_in_a_sentence(folder: Path, content: str) -> None:
    sealed = Keyring(folder).seal("token")
    (folder / "sealing.keys").write_text(content)
    with pytest.raises(StoreError, match=r"sealing\.keys"):
        Keyring(folder).unseal(sealed)


def test_references_stay_readable_and_are_followed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring, secret = Keyring(folder), folder.parent / "token"
    secret.write_text("from file\n")
    monkeypatch.setenv("DESK_TOKEN", "from env")
    assert ring.seal("env:DESK_TOKEN") == "env:DESK_TOKEN"
    assert ring.unseal("env:DESK_TOKEN") == "from env"
    assert ring.unseal(ring.seal(f"file:{secret}")) == "from file"
    for lost in ("env:DESK_TOKEN_2", f"file:{folder / 'none'}"):
        with pytest.raises(ConfigError):
            ring.unseal(lost)


def test_pseudonyms_are_stable_in_a_source_and_differ_between_sources(folder: Path) -> None:
    one, two = Keyring(folder), Keyring(folder)
    assert one.pseudonym(1, "ann") == two.pseudonym(1, "ann")
    assert len({one.pseudonym(1, "ann"), one.pseudonym(2, "ann"), one.pseudonym(1, "bob")}) == 3
    assert "ann" not in one.pseudonym(1, "ann")
    assert Keyring(folder.parent / "other").pseudonym(1, "ann") != one.pseudonym(1, "ann")


def test_nobody_else_may_read_the_keys(folder: Path) -> None:
    ring = Keyring(folder)
    ring.seal("x")
    ring.rotate()
    ring.pseudonym(1, "ann")
    ring.session_key()
    files = sorted(path for path in folder.iterdir())
    assert [path.name for path in files] == ["pseudonym.key", "sealing.keys", "session.key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_threads_that_start_together_make_one_key(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: Keyring(folder).session_key(), range(64)))
    assert len(set(keys)) == 1
    assert len(list(folder.iterdir())) == 1
