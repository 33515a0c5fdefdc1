"""Texts of files with ``${NAME}`` in them, and what must then be told to nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sonicrtc.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
#: A shorter text is found in other words, too, and would take them along.
_SHORTEST = 6


@dataclass(slots=True)
class Variables:
    """Fills texts in.

    Attributes
    ----------
    environment : mapping
        What the names stand for.
    where : str
        Named in errors.
    used : list of str
        Values that were filled in.
    """

    environment: Mapping[str, str] = field(repr=False)
    where: str
    used: list[str] = field(default_factory=list, repr=False)

    def fill(self, text: str) -> str:
        """Return `text` with the value of NAME for each ``${NAME}``, or the default of ``${NAME:-default}``.

        Raises
        ------
        ConfigError
            A variable without a default is not set.
        """
        return _VARIABLE.sub(self._value, text)

    def _value(self, match: re.Match[str]) -> str:
        value = self.environment.get(match[1], match[2])
        if value is None:
            raise ConfigError(f"{self.where}: the environment variable {match[1]} is not set")
        self.used.append(value)
        return value


@dataclass(frozen=True, slots=True)
class Secrets:
    """Takes secrets out of texts that somebody else wrote."""

    texts: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, values: Iterable[str]) -> Secrets:
        """Return `values` and their words as secrets, so that ``Bearer abcdef`` hides a lone ``abcdef``, too."""
        texts = {text for value in values for text in (value, *value.split()) if len(text) >= _SHORTEST}
        return cls(tuple(sorted(texts, key=len, reverse=True)))

    def hidden(self, text: str) -> str:
        """Return `text` with ``***`` in their place."""
        for secret in self.texts:
            text = text.replace(secret, "***")
        return text
