"""Reads a ``Retrieve`` request: its JSON Schema, what this service has not, and the token of the next page. No I/O."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

#: Results when nothing is said of their number (user guide, page ``kb-test-config``).
_DEFAULT_RESULTS = 5

_ID = re.compile(r"(?:arn:aws(?:-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:knowledge-base/)?([0-9a-zA-Z]{10})")
#: What needs another service, or a store that this is not; each path as it is said to the client.
_NOT_HERE = (
    ("retrievalQuery", "image"),
    ("guardrailConfiguration",),
    ("userContext",),
    ("retrievalConfiguration", "managedSearchConfiguration"),
    ("retrievalConfiguration", "vectorSearchConfiguration", "rerankingConfiguration"),
    ("retrievalConfiguration", "vectorSearchConfiguration", "implicitFilterConfiguration"),
)


class ServiceError(Exception):
    """An error of the service: its name, HTTP status and a text for the client."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked for.

    Parameters
    ----------
    text : str
        Not blank.
    condition : mapping, optional
        Filter on metadata.
    limit : int
        How many results there may be in all, 1 to 100.
    use_words : bool
        False for a search by meaning alone (``SEMANTIC``).
    offset : int
        Where this page begins.
    """

    text: str
    condition: Mapping[str, Any] | None
    limit: int
    use_words: bool
    offset: int
    _of: str

    def token(self, offset: int) -> str:
        """Return the token of the page that begins at `offset`; it is good for this question only."""
        return base64.urlsafe_b64encode(json.dumps([offset, self._of]).encode()).decode()


def parse_id(identifier: str) -> str:
    """Return the id in an id or ARN; ValidationException when it is neither."""
    found = _ID.fullmatch(identifier)
    if found is None:
        raise _invalid("knowledgeBaseId: expected 10 letters and digits, or the ARN of a knowledge base")
    return found[1]


def parse(body: bytes) -> Question:
    """Read the body of a request.

    Raises
    ------
    ServiceError
        ValidationException, SerializationException.
    """
    try:
        request = json.loads(body)
        flaw = best_match(_validator().iter_errors(request))
    except ValueError as exc:
        raise ServiceError("SerializationException", "expected a JSON object") from exc
    except RecursionError as exc:
        raise _invalid("the request is nested too deeply") from exc
    if flaw is not None:
        raise _invalid(f"{_place(flaw)}: {_rule(flaw)}")
    for path in _NOT_HERE:
        if _at(request, path) is not None:
            raise _invalid(f"{'.'.join(path)}: not supported by this local knowledge base")
    search = _at(request, ("retrievalConfiguration", "vectorSearchConfiguration")) or {}
    text = request["retrievalQuery"].get("text") or ""
    if not text.strip():
        raise _invalid("retrievalQuery.text: expected a text that is not blank")
    asked = {key: value for key, value in request.items() if key != "nextToken"}
    of = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    return Question(
        text=text,
        condition=search.get("filter"),
        limit=search.get("numberOfResults") or _DEFAULT_RESULTS,
        use_words=search.get("overrideSearchType") != "SEMANTIC",
        offset=_offset(request.get("nextToken"), of),
        _of=of,
    )


def _offset(token: str | None, of: str) -> int:
    if token is None:
        return 0
    try:
        offset, question = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, RecursionError):
        question = offset = None
    if question != of or type(offset) is not int or offset < 0:
        raise _invalid("nextToken: it is not one that this request was answered with")
    return offset


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@cache
def _validator() -> Draft202012Validator:
    file = resources.files(__package__) / "schemas" / "Retrieve.json"
    schema: dict[str, Any] = json.loads(file.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _place(flaw: ValidationError) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in flaw.absolute_path)
    return path.removeprefix(".") or "request"


def _rule(flaw: ValidationError) -> str:
    """Name the rule that is broken, never what was sent."""
    return f"{flaw.validator} is {json.dumps(flaw.validator_value)}"[:200]


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
