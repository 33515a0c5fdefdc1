"""What the local services share: an authority, a certificate and one throw-away key pair.

Everything lies in one directory that only its owner can read::

    ca.pem  ca-key.pem          the authority, which signs for this directory's services only
    server.pem  server-key.pem  certificate for localhost, 127.0.0.1 and ::1
    credentials                 an AWS shared credentials file

It is made once and used again; certificates that have expired are renewed.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import ipaddress
import os
import secrets
import ssl
import string
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sonicrtc.credentials import AwsKeys, StaticCredentials

__all__ = ["LocalState"]

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_AUTHORITY_LIFE = dt.timedelta(days=3650)
#: Phones refuse server certificates that live longer than 398 days.
_LEAF_LIFE = dt.timedelta(days=397)
_RENEW_BEFORE = dt.timedelta(days=1)


class LocalState:
    """Authority, certificate and keys of the local services; make one with :meth:`open`.

    Attributes
    ----------
    directory, ca_file, cert_file, key_file, credentials_file : Path
    keys : AwsKeys
        The throw-away key pair, the only one that the local services accept.
    """

    def __init__(self, directory: Path, *, now: Callable[[], dt.datetime], owned: object | None = None) -> None:
        self.directory = directory
        self.ca_file = directory / "ca.pem"
        self.cert_file = directory / "server.pem"
        self.key_file = directory / "server-key.pem"
        self.credentials_file = directory / "credentials"
        self._ca_key_file = directory / "ca-key.pem"
        self._now = now
        self._owned = owned
        with _locked(directory / ".lock"):
            self._authority = self._open_authority()
            self._open_leaf(_LOCAL_HOSTS, self.cert_file, self.key_file)
            self.keys = self._open_keys()

    @classmethod
    def open(
        cls, directory: Path | None, *, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    ) -> LocalState:
        """Open a state directory, and make what it lacks.

        Parameters
        ----------
        directory : Path or None
            None takes a temporary directory, which is removed when the state is closed.
        now : callable
            Aware time of day.

        Raises
        ------
        CredentialsError
            The directory has a credentials file without keys.
        OSError
            The directory cannot be made or written.
        """
        if directory is None:
            temporary = tempfile.TemporaryDirectory(prefix="sonicrtc-")
            return cls(Path(temporary.name), now=now, owned=temporary)
        directory = directory.expanduser().resolve()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(directory, now=now)

    def close(self) -> None:
        """Remove the directory when it is a temporary one."""
        if isinstance(self._owned, tempfile.TemporaryDirectory):
            self._owned.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables that point any AWS client at the local services."""
        return {"SSL_CERT_FILE": str(self.ca_file), "AWS_SHARED_CREDENTIALS_FILE": str(self.credentials_file)}

    def server_context(self, alpn: Sequence[str] = ()) -> ssl.SSLContext:
        """Return a TLS context of the loopback certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.cert_file, self.key_file)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def issue(self, hosts: Sequence[str]) -> tuple[Path, Path]:
        """Return certificate and key for other names or addresses, e.g. of the local network.

        Parameters
        ----------
        hosts : sequence of str
            DNS names and IP addresses; at least one.

        Returns
        -------
        (Path, Path)
            PEM files, the certificate's with the authority behind it. Used again until they expire.
        """
        if not hosts:
            raise ValueError("expected at least one host name or address")
        digest = hashlib.sha256("\n".join(sorted(hosts)).encode()).hexdigest()[:12]
        cert_file = self.directory / f"leaf-{digest}.pem"
        key_file = self.directory / f"leaf-{digest}-key.pem"
        with _locked(self.directory / ".lock"):
            self._open_leaf(hosts, cert_file, key_file)
        return cert_file, key_file

    def issue_client(self, name: str) -> tuple[Path, Path]:
        """Return certificate and key by which a client of that name proves who it is; PEM files."""
        cert_file, key_file = self.directory / f"client-{name}.pem", self.directory / f"client-{name}-key.pem"
        with _locked(self.directory / ".lock"):
            self._open_leaf((name,), cert_file, key_file, ExtendedKeyUsageOID.CLIENT_AUTH)
        return cert_file, key_file

    # -- making and finding -----------------------------------------------------------------------

    def _open_authority(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        if self.ca_file.exists() and self._ca_key_file.exists():
            certificate = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
            key = serialization.load_pem_private_key(self._ca_key_file.read_bytes(), None)
            if self._is_current(certificate) and isinstance(key, ec.EllipticCurvePrivateKey):
                return certificate, key
        key = ec.generate_private_key(ec.SECP256R1())
        # The random part keeps authorities of two directories apart in a phone's list.
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"SonicRTC local {secrets.token_hex(3)}")])
        certificate = (
            self._builder(name, name, key, _AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write_private(self._ca_key_file, _pem(key))
        _write(self.ca_file, certificate.public_bytes(serialization.Encoding.PEM))
        return certificate, key

    def _open_leaf(
        self,
        hosts: Sequence[str],
        cert_file: Path,
        key_file: Path,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    ) -> None:
        authority, authority_key = self._authority
        if cert_file.exists() and key_file.exists():
            found = x509.load_pem_x509_certificate(cert_file.read_bytes())
            if self._is_current(found) and _is_signed_by(found, authority):
                return
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
        issuer_id = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            self._builder(name, authority.subject, key, _LEAF_LIFE)
            .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        chain = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (certificate, authority))
        _write_private(key_file, _pem(key))
        _write(cert_file, chain)

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, life: dt.timedelta
    ) -> x509.CertificateBuilder:
        now = self._now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))  # clocks of phones differ
            .not_valid_after(now + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    def _is_current(self, certificate: x509.Certificate) -> bool:
        now = self._now()
        return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _RENEW_BEFORE

    def _open_keys(self) -> AwsKeys:
        if not self.credentials_file.exists():
            letters = string.ascii_uppercase + string.digits
            key_id = "AKIALOCAL" + "".join(secrets.choice(letters) for _ in range(11))
            text = (
                "# Made by SonicRTC for its local services; these keys are worth nothing anywhere else.\n"
                f"[default]\naws_access_key_id = {key_id}\naws_secret_access_key = {secrets.token_urlsafe(30)}\n"
            )
            _write_private(self.credentials_file, text.encode())
        return StaticCredentials.from_file(self.credentials_file).keys


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file in one step, so that nobody reads half of it."""
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    partial.replace(path)


def _write_private(path: Path, data: bytes) -> None:
    _write(path, data, 0o600)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold off other processes that open the same directory."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
