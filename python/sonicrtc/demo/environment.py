"""What the demo keeps of the environment: nothing that leads to a cloud account."""

from __future__ import annotations

import os
from collections.abc import Mapping

_FORBIDDEN_PREFIXES = ("AWS_", "BOTO", "SONICRTC_")
_FORBIDDEN = frozenset({"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSLKEYLOGFILE"})


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without AWS settings, proxies and foreign certificate authorities.

    The AWS SDKs are also told to read no configuration file and to ask no instance metadata.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(_FORBIDDEN_PREFIXES)
        and not name.upper().endswith("_PROXY")
        and name.upper() not in _FORBIDDEN
    }
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
