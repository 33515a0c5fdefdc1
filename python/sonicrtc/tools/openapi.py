"""Tools from an OpenAPI 3 file: each operation of an HTTP service is one."""

from __future__ import annotations

import functools
import json
import logging
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from sonicrtc.errors import ConfigError, MissingExtraError, ToolError
from sonicrtc.tools.registry import Tool, ToolRegistry, make_tool
from sonicrtc.tools.schema import without_references
from sonicrtc.tools.variables import Secrets, Variables

_log = logging.getLogger(__name__)

_METHODS = ("get", "put", "post", "delete", "patch")
#: Of a longer answer the rest is not read, in bytes.
_ANSWER_BYTES = 8 * 1024 * 1024
#: How much of a refusal is told, in characters.
_REFUSAL = 500
_CONNECT_S = 10.0
_NOT_THE_MODELS = ("accept", "authorization", "content-type")
#: Members of a schema that say nothing to a model, or are no JSON Schema.
_LEFT_OUT = frozenset({"example", "examples", "externalDocs", "xml", "discriminator", "deprecated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """An OpenAPI file, and how to use it.

    Attributes
    ----------
    file : Path
        OpenAPI 3 in JSON, or in YAML with the extra ``openapi``.
    base_url : str, optional
        Instead of the file's first server; ``${NAME}`` stands for an environment variable.
    write : collection of str, or mapping of str to str
        Operations other than GET that the model may ask for: patterns of their names. The user is asked first, with the
        question that a mapping gives; ``{parameter}`` in it becomes the argument.
    headers : mapping
        What each request carries, likewise with ``${NAME}``.
    prefix : str
        What the tools' names begin with.
    """

    file: Path
    base_url: str | None = None
    write: Collection[str] | Mapping[str, str] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    prefix: str = ""


@asynccontextmanager
async def api_at_work(api: Api, tools: ToolRegistry, environment: Mapping[str, str]) -> AsyncIterator[None]:
    """Have the operations of `api` among `tools` while this context is entered.

    Raises
    ------
    ConfigError
        The file cannot be used, a variable is not set, or a name is taken.
    """
    document = _read(api.file)
    variables = Variables(environment, f"OpenAPI file {api.file}")
    base = variables.fill(api.base_url or _server(document))
    if not base.startswith(("http://", "https://")):
        raise ConfigError(f"OpenAPI file {api.file}: expected the address of a server in it, or a base_url")
    headers = {name: variables.fill(text) for name, text in api.headers.items()}
    secrets = Secrets.of([*variables.used, *headers.values()])
    timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_S)  # the rest is the tool's own time
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
        made = [_tool(operation, base, http, secrets) for operation in _operations(document, api)]
        if taken := [tool.name for tool in made if tool.name in tools]:
            raise ConfigError(f"OpenAPI file {api.file}: registered already: {', '.join(taken)}; a prefix helps")
        tools.replace((), made)
        try:
            yield
        finally:
            tools.replace(made, ())


# --- the file ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parameter:
    """Where an argument goes: ``path``, ``query``, ``header``, ``body`` (a member of it) or ``whole`` (all of it)."""

    name: str
    place: str
    schema: Mapping[str, Any]
    required: bool
    explode: bool = True
    deep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    name: str
    method: str
    path: str
    description: str
    confirm: bool | str
    parameters: Mapping[str, _Parameter]


def _read(file: Path) -> Any:
    """Return the document as plain JSON values."""
    try:
        text = file.read_bytes()
        document = msgspec.json.decode(text) if file.suffix == ".json" else _yaml(text)
    except OSError as exc:
        raise ConfigError(f"cannot read the OpenAPI file {file}: {exc.strerror}") from exc
    except ValueError as exc:
        raise ConfigError(f"OpenAPI file {file}: {exc}") from exc
    version = document.get("openapi") if isinstance(document, dict) else None
    if not str(version).startswith("3."):
        raise ConfigError(f"OpenAPI file {file}: expected openapi: 3.x, got {version!r}")
    return document


def _yaml(text: bytes) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as exc:
        raise MissingExtraError("OpenAPI files in YAML need the extra: pip install 'sonicrtc[openapi]'") from exc
    try:
        return json.loads(json.dumps(yaml.safe_load(text), default=str))  # YAML makes objects of dates
    except yaml.YAMLError as exc:
        raise ValueError(f"not YAML: {exc}") from exc


def _server(document: Any) -> str:
    server = (document.get("servers") or [{}])[0]
    url: str = server.get("url", "")
    for name, variable in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", variable["default"])
    return url


def _operations(document: Any, api: Api) -> Iterator[_Operation]:
    for path, item in (document.get("paths") or {}).items():
        for method in _METHODS:
            if method not in item:
                continue
            name = _name(api.prefix, item[method].get("operationId") or f"{method}_{path.strip('/')}")
            confirm = _confirm(name, method, api.write)
            if confirm is None:
                continue
            try:
                yield _operation(document, path, item, method, name, confirm)
            except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as exc:
                _log.warning("OpenAPI file %s: %s is left out: %s", api.file, name, exc)


def _confirm(name: str, method: str, write: Collection[str] | Mapping[str, str]) -> bool | str | None:
    """Return whether the user is asked first and what; None when the model is not to be told of the operation."""
    if method == "get":
        return False
    pattern = next((pattern for pattern in write if fnmatchcase(name, pattern)), None)
    if pattern is None:
        return None
    return (isinstance(write, Mapping) and write[pattern]) or True


def _name(prefix: str, name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", f"{prefix}_{name}" if prefix else name).strip("_")[:64]


def _operation(document: Any, path: str, item: Any, method: str, name: str, confirm: bool | str) -> _Operation:
    used = {key: item[method][key] for key in ("parameters", "requestBody") if key in item[method]}
    plain = without_references([item.get("parameters", []), used], document, cycles=True)
    given = {(p["name"], p["in"]): p for p in (*plain[0], *plain[1].get("parameters", []))}
    parameters: dict[str, _Parameter] = {}
    for parameter in (*map(_parameter, given.values()), *_body(plain[1].get("requestBody"))):
        if parameter is not None:
            shown = _name("", parameter.name)
            parameters[_name(parameter.place, shown) if shown in parameters else shown] = parameter
    description = item[method].get("description") or item[method].get("summary") or name
    return _Operation(
        name=name, method=method, path=path, description=description, confirm=confirm, parameters=parameters
    )


def _parameter(given: Any) -> _Parameter | None:
    if given["in"] not in ("path", "query", "header") or given["name"].lower() in _NOT_THE_MODELS:
        return None  # cookies are not the model's business either
    schema = dict(given.get("schema", {}))
    if "description" in given:
        schema["description"] = given["description"]
    return _Parameter(
        name=given["name"], place=given["in"], schema=schema, required=given.get("required", False),
        explode=given.get("explode", True), deep=given.get("style") == "deepObject",
    )  # fmt: skip


def _body(body: Any) -> Iterator[_Parameter]:
    """Yield the members of the body as parameters, or the body as one when it is no object."""
    if body is None:
        return
    kind = next((kind for kind in body["content"] if _is_json(kind)), None)
    if kind is None:
        raise ValueError(f"expected a body of JSON, got {', '.join(body['content'])}")
    schema = body["content"][kind].get("schema", {})
    members = schema.get("properties")
    if not members:
        yield _Parameter(name="body", place="whole", schema=schema, required=body.get("required", False))
        return
    needed = schema.get("required", ()) if body.get("required", False) else ()
    for name, member in members.items():
        if not member.get("readOnly", False):
            yield _Parameter(name=name, place="body", schema=member, required=name in needed)


def _is_json(kind: str) -> bool:
    kind = kind.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _shown(schema: Any) -> Any:
    """Return `schema` without what is not for the model."""
    if isinstance(schema, list):
        return [_shown(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: {name: _shown(member) for name, member in value.items()} if key == "properties" else _shown(value)
        for key, value in schema.items()
        if key not in _LEFT_OUT
    }


# --- a request --------------------------------------------------------------------------------------


def _tool(operation: _Operation, base: str, http: aiohttp.ClientSession, secrets: Secrets) -> Tool:
    schema = {
        "type": "object",
        "properties": {name: _shown(parameter.schema) for name, parameter in operation.parameters.items()},
        "required": [name for name, parameter in operation.parameters.items() if parameter.required],
        "additionalProperties": False,
    }
    return make_tool(
        functools.partial(_call, operation, base.rstrip("/"), http, secrets),
        name=operation.name, description=operation.description, schema=schema, confirm=operation.confirm,
    )  # fmt: skip


async def _call(
    operation: _Operation, base: str, http: aiohttp.ClientSession, secrets: Secrets, /, **arguments: Any
) -> Any:
    path, query, headers = operation.path, [], {}
    body: Any = {} if any(parameter.place == "body" for parameter in operation.parameters.values()) else None
    for name, value in arguments.items():
        parameter = operation.parameters[name]
        value = _typed(value, parameter.schema)
        match parameter.place:
            case "path":
                path = path.replace(f"{{{parameter.name}}}", _step(name, value))
            case "query":
                query += _query(parameter, value)
            case "header":
                headers[parameter.name] = _text(value)
            case "whole":
                body = value
            case _:
                body[parameter.name] = value
    url = URL(base + path, encoded=True)
    try:
        async with http.request(
            operation.method, url, params=query, headers=headers, json=body,
            allow_redirects=False,  # a redirect could take the headers elsewhere
        ) as response:  # fmt: skip
            return _answer(operation.name, response, await _content(response), secrets)
    except (aiohttp.ClientError, OSError) as exc:
        raise ToolError(f"{operation.name}: the service does not answer ({type(exc).__name__})") from exc


async def _content(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for part in response.content.iter_any():
        content += part
        if len(content) > _ANSWER_BYTES:
            break
    return bytes(content)


def _answer(name: str, response: aiohttp.ClientResponse, content: bytes, secrets: Secrets) -> Any:
    text = content.decode(errors="replace")
    if not response.ok or 300 <= response.status < 400:
        raise ToolError(f"{name}: HTTP status {response.status}: {secrets.hidden(text[:_REFUSAL])}".rstrip(": "))
    if not content:
        return {"status": response.status}
    if _is_json(response.content_type):
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(content)
    return text


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return `value`; a model writes "5" for 5 now and then."""
    if isinstance(value, str) and schema.get("type") in ("integer", "number", "boolean"):
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(value.lower())
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool | None):
        return json.dumps(value)
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value)


def _step(name: str, value: Any) -> str:
    """Return `value` as one step of a path, which it cannot leave."""
    text = _text(value)
    if text in ("", ".", ".."):
        raise ToolError(f"{name}: expected a value, got {text!r}")
    return quote(text, safe="")


def _query(parameter: _Parameter, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        name = f"{parameter.name}[{{}}]" if parameter.deep else "{}"
        return [(name.format(key), _text(member)) for key, member in value.items()]
    if isinstance(value, list) and parameter.explode:
        return [(parameter.name, _text(item)) for item in value]
    return [(parameter.name, _text(value))]
