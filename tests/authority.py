"""A certificate authority of the city's own, for tests: what it signs, and what it signed long ago."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = timedelta(days=1)


class Authority:
    """Keeps everything in `folder`; `ca_file` is what clients trust."""

    def __init__(self, folder: Path, name: str = "Seoul Test Authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca_file = folder / "ca.pem"
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = _begun(self._name, self._name, self._key.public_key(), datetime.now(UTC) + _DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._signed(made.add_extension(usage, critical=True), self.ca_file)

    def issue(self, *names: str, expired: bool = False) -> tuple[Path, Path]:
        """Returns the files of a certificate for these hosts or addresses, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        stem = f"{'-'.join(names)}{'-expired' if expired else ''}"
        certificate, secret = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        until = datetime.now(UTC) + (-_DAY if expired else _DAY)
        made = _begun(_named(names[0]), self._name, key.public_key(), until)
        made = made.add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        self._signed(made, certificate)
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        secret.chmod(0o600)
        return certificate, secret

    def _signed(self, builder: x509.CertificateBuilder, file: Path) -> None:
        ours = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = builder.add_extension(ours, critical=False).sign(self._key, hashes.SHA256())
        file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime
) -> x509.CertificateBuilder:
    begun = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - 3 * _DAY)
        .not_valid_after(until)
    )
    return begun.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    return [x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
