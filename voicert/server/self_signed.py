"""A certificate of the server's own making, for development: an authority, and what it signs.

The authority's key is thrown away as soon as it has signed the one certificate, so whoever trusts it trusts
nothing else. When the certificate runs out or the machine's names change, both are made anew.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=397)  # the longest that browsers take without a grumble
RENEW = timedelta(days=30)  # before the end
SKEW = timedelta(hours=1)  # clocks of other machines may be behind


@dataclass(frozen=True)
class Made:
    """Three PEM files."""

    authority: bytes  # what clients trust
    chain: bytes  # the server's certificate and the authority's
    key: bytes  # the server's


def local_names(host: str) -> tuple[str, ...]:
    """Names and addresses by which clients may call this machine, ``host`` that it listens on included."""
    own = socket.gethostname()
    names = [
        "localhost",
        "127.0.0.1",
        "::1",
        host,
        own,
        own.partition(".")[0],
        f"{own.partition('.')[0]}.local",
    ]
    with contextlib.suppress(OSError, UnicodeError):  # a machine that cannot resolve its own name
        names += [str(found[4][0]) for found in socket.getaddrinfo(own, None)]
    names += _routed_addresses()
    return tuple(sorted({name.partition("%")[0] for name in names if _can_be_named(name)}))


def _routed_addresses() -> list[str]:
    """The addresses from which this machine would reach others; nothing is sent to find out."""
    found: list[str] = []
    for family, somewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((somewhere, 9))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue  # no route, or no such addresses here
    return found


def _can_be_named(name: str) -> bool:
    """Whether a certificate can carry it: an address of a machine, or a plain host name."""
    try:
        return not ip_address(name.partition("%")[0]).is_unspecified
    except ValueError:
        return bool(name) and len(name) < 64 and name.isascii() and " " not in name


def is_good(chain: bytes, names: Sequence[str], now: datetime) -> bool:
    """Whether the first certificate of a PEM file covers all names and lasts for a while."""
    try:
        found = x509.load_pem_x509_certificate(chain)
        covered = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    lasts = found.not_valid_before_utc <= now < found.not_valid_after_utc - RENEW
    return lasts and set(_alternatives(names)) <= set(covered)


def make(names: Sequence[str], now: datetime) -> Made:
    """A new authority and a certificate by it for all names."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = _subject(f"voicert on {socket.gethostname()}"[:64])
    authority = (
        _builder(ca_name, ca_name, ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    certificate = (
        _builder(_subject("voicert"), ca_name, key.public_key(), now)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = authority.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Made(pem, certificate.public_bytes(Encoding.PEM) + pem, private)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now - SKEW + VALID)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    return [_alternative(name) for name in names]


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(signs: bool) -> x509.KeyUsage:
    """What a key is for: signing certificates, or proving who one is."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
