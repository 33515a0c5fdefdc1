"""Write ``src/events.gen.ts`` from the structs in :mod:`sonicrtc.events`.

``python web/generate_types.py`` writes the file, ``--check`` only says whether it is stale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sonicrtc.events import MAX_MESSAGE_BYTES, json_schema

TARGET = Path(__file__).parent / "src" / "events.gen.ts"
_HEADER = """\
// Made by web/generate_types.py from python/sonicrtc/events.py. Do not edit: change the structs and run it again.

/** Largest message that the data channel takes, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = {max_message_bytes};
"""
_PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def type_of(schema: dict[str, Any]) -> str:
    """Return the TypeScript type of one JSON Schema.

    Raises
    ------
    ValueError
        The schema says something that the structs did not say when this was written.
    """
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " | ".join(type_of(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kind = schema.get("type")
    if kind is None and not schema.keys() - {"default"}:
        return "unknown"
    if kind == "array":
        return f"Array<{type_of(schema.get('items', {}))}>"
    if kind == "object" and "properties" not in schema:
        return "Record<string, unknown>"
    if kind in _PLAIN:
        return _PLAIN[kind]
    raise ValueError(f"expected a schema that {Path(__file__).name} knows, got {schema!r}")


def declaration(name: str, schema: dict[str, Any]) -> str:
    """Return the exported TypeScript declaration of one definition."""
    if "properties" not in schema:
        return f"export type {name} =\n  | " + type_of(schema).replace(" | ", "\n  | ") + ";\n"
    first_line = schema.get("description", "").split("\n", 1)[0]
    lines = [f"/** {first_line} */"] if first_line else []
    lines.append(f"export interface {name} {{")
    required = schema.get("required", [])
    for member, of in schema["properties"].items():
        lines.append(f"  {member}{'' if member in required else '?'}: {type_of(of)};")
    return "\n".join([*lines, "}\n"])


def module() -> str:
    """Return the whole TypeScript module."""
    definitions = json_schema()["$defs"]
    parts = [_HEADER.format(max_message_bytes=MAX_MESSAGE_BYTES)]
    parts += [declaration(name, schema) for name, schema in definitions.items()]
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the module, or with ``--check`` compare it with what is there."""
    text = module()
    if "--check" in arguments:
        stale = not TARGET.exists() or TARGET.read_text("utf-8") != text
        if stale:
            print(f"{TARGET.name} is stale: run python web/generate_types.py", file=sys.stderr)
        return int(stale)
    TARGET.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
