"""AWS credentials as providers: asked for when needed, never a setting, never printed."""

from __future__ import annotations

import asyncio
import configparser
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sonicrtc.errors import CredentialsError, MissingExtraError

if TYPE_CHECKING:
    from botocore.credentials import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKeys:
    """One frozen set of AWS keys; only the access key id shows in its repr.

    `expires_at` is when the service will refuse them, an aware time; None when that is not known, or never.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


class CredentialsProvider(Protocol):
    """Where keys come from."""

    async def frozen(self) -> AwsKeys:
        """Return keys that are valid now.

        Raises
        ------
        CredentialsError
            There are none, or they cannot be refreshed.
        """


@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """Keys handed over explicitly, e.g. the throw-away pair of the local services."""

    keys: AwsKeys

    @classmethod
    def from_file(cls, path: Path, profile: str = "default") -> StaticCredentials:
        """Read one profile of an AWS shared credentials file, and nothing else."""
        parser = configparser.ConfigParser()
        try:
            parser.read_string(path.read_text("utf-8"))
            section = parser[profile]
            keys = AwsKeys(
                access_key_id=section["aws_access_key_id"],
                secret_access_key=section["aws_secret_access_key"],
                session_token=section.get("aws_session_token"),
            )
        except (OSError, KeyError, configparser.Error) as exc:
            raise CredentialsError(f"no AWS keys for profile {profile!r} in {path}") from exc
        return cls(keys)

    async def frozen(self) -> AwsKeys:
        return self.keys


class BotocoreCredentials:
    """The AWS SDK's own chain: environment, profiles, SSO, roles, containers, instance metadata.

    Parameters
    ----------
    profile : str, optional
        Name of a profile of the shared AWS configuration.
    timeout_s : float
        How long to look for credentials before saying that there are none.
    """

    def __init__(self, profile: str | None = None, *, timeout_s: float = 4.0) -> None:
        self._profile = profile
        self._timeout_s = timeout_s
        self._credentials: Credentials | None = None

    async def frozen(self) -> AwsKeys:
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._resolve), self._timeout_s)
        except TimeoutError as exc:
            raise CredentialsError(
                f"looking for AWS credentials took longer than {self._timeout_s:g} s", retryable=True
            ) from exc

    def _resolve(self) -> AwsKeys:
        try:
            import botocore.exceptions
            import botocore.session
        except ModuleNotFoundError as exc:
            raise MissingExtraError("AWS credentials need the extra: pip install 'sonicrtc[server]'") from exc
        try:
            if self._credentials is None:
                self._credentials = botocore.session.Session(profile=self._profile).get_credentials()
            if self._credentials is None:
                raise CredentialsError(
                    "no AWS credentials found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
                    " or run 'sonicrtc demo', which needs none"
                )
            # The SDK renews what expires within 15 minutes (botocore.credentials.RefreshableCredentials).
            frozen = self._credentials.get_frozen_credentials()
        except botocore.exceptions.BotoCoreError as exc:
            raise CredentialsError(f"AWS credentials cannot be used: {exc}", retryable=True) from exc
        if not frozen.access_key or not frozen.secret_key:
            raise CredentialsError("the AWS credentials that were found hold no key; check the profile")
        return AwsKeys(
            access_key_id=frozen.access_key,
            secret_access_key=frozen.secret_key,
            session_token=frozen.token,
            expires_at=getattr(self._credentials, "_expiry_time", None),
        )
