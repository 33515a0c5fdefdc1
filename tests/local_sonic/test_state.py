from __future__ import annotations

import datetime as dt
import ssl
import stat
from pathlib import Path

import botocore.session
import pytest
from cryptography import x509

from sonicrtc.errors import CredentialsError
from sonicrtc.local.state import LocalState

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


def opened(directory: Path, *, days: int = 0) -> LocalState:
    return LocalState.open(directory, now=lambda: NOW + dt.timedelta(days=days))


def hosts(cert_file: Path) -> set[str]:
    certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}


def handshake(state: LocalState, cert_file: Path, key_file: Path, host: str) -> str | None:
    """Shake hands in memory as `host`, trusting the state's authority; return the ALPN protocol."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(cert_file, key_file)
    server_context.set_alpn_protocols(["h2"])
    client_context = ssl.create_default_context(cafile=str(state.ca_file))
    client_context.set_alpn_protocols(["h2"])
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.selected_alpn_protocol()


def test_a_client_that_trusts_the_authority_shakes_hands() -> None:
    with LocalState.open(None) as state:
        for host in ("localhost", "127.0.0.1"):
            assert handshake(state, state.cert_file, state.key_file, host) == "h2"


def test_certificates_for_the_local_network_come_from_the_same_authority() -> None:
    with LocalState.open(None) as state:
        cert_file, key_file = state.issue(["192.168.7.5", "box.local"])
        assert hosts(cert_file) == {"192.168.7.5", "box.local"}
        assert handshake(state, cert_file, key_file, "192.168.7.5") == "h2"
        assert state.issue(["192.168.7.5", "box.local"]) == (cert_file, key_file)
        assert state.issue(["192.168.7.6"])[0] != cert_file


def test_a_certificate_needs_a_host() -> None:
    with LocalState.open(None) as state, pytest.raises(ValueError, match="at least one host"):
        state.issue([])


def test_a_second_opening_finds_everything_as_it_was(tmp_path: Path) -> None:
    first = opened(tmp_path / "state")
    files = {path: path.read_bytes() for path in first.directory.iterdir()}
    second = opened(tmp_path / "state", days=100)
    assert second.keys == first.keys
    assert {path: path.read_bytes() for path in second.directory.iterdir()} == files


def test_an_old_certificate_is_renewed_under_the_same_authority(tmp_path: Path) -> None:
    first = opened(tmp_path)
    authority, leaf = first.ca_file.read_bytes(), first.cert_file.read_bytes()
    renewed = opened(tmp_path, days=397)
    assert renewed.ca_file.read_bytes() == authority
    assert renewed.cert_file.read_bytes() != leaf


def test_an_old_authority_is_renewed_with_its_certificates(tmp_path: Path) -> None:
    first = opened(tmp_path)
    authority, leaf = first.ca_file.read_bytes(), first.cert_file.read_bytes()
    renewed = opened(tmp_path, days=3650)
    assert renewed.ca_file.read_bytes() != authority
    assert renewed.cert_file.read_bytes() != leaf
    assert renewed.keys == first.keys


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    state = opened(tmp_path / "state")
    state.issue(["192.168.7.5"])
    assert stat.S_IMODE(state.directory.stat().st_mode) == 0o700
    secret = [state.credentials_file, *state.directory.glob("*-key.pem")]
    assert len(secret) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert state.keys.secret_access_key not in repr(state.keys)


def test_the_aws_sdk_reads_the_credentials_file(tmp_path: Path) -> None:
    state = opened(tmp_path)
    session = botocore.session.Session()
    session.set_config_variable("credentials_file", str(state.environment()["AWS_SHARED_CREDENTIALS_FILE"]))
    session.set_config_variable("profile", "default")
    found = session.get_component("credential_provider").get_provider("shared-credentials-file").load()
    assert (found.access_key, found.secret_key) == (state.keys.access_key_id, state.keys.secret_access_key)


def test_a_broken_credentials_file_is_a_clear_error(tmp_path: Path) -> None:
    opened(tmp_path).credentials_file.write_text("[default]\n")
    with pytest.raises(CredentialsError, match="no AWS keys for profile 'default'"):
        opened(tmp_path)


def test_a_temporary_state_is_removed() -> None:
    with LocalState.open(None) as state:
        assert state.ca_file.exists()
    assert not state.directory.exists()
