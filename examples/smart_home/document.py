"""What `topics.md` says, for programs: which topics there are, and what may be sent to each.

python -m examples.smart_home.document FOLDER      one file for each passage, for a knowledge base
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

DOCUMENT = Path(__file__).with_name("topics.md")
#: Far more than any command of the house needs; what comes from a model or a broker may be anything.
MAX_PAYLOAD_BYTES = 4096
_MAX_QUOTED = 200
_BLOCK = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Refused(ValueError):
    """A command that is not sent or not obeyed; the text says why, and what is allowed, for a model to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control topic.

    Attributes
    ----------
    topic : str
        Where commands are published.
    devices : tuple of str
        Who obeys and reports, e.g. ``("kitchen/oven",)``.
    payload, confirm : Draft202012Validator
        What a command must be, and which commands the user is asked about first.
    """

    topic: str
    devices: tuple[str, ...]
    payload: Draft202012Validator
    confirm: Draft202012Validator

    def check(self, payload: object) -> dict[str, Any]:
        """Return `payload` if it may be sent.

        Raises
        ------
        Refused
            It breaks its schema.
        """
        try:
            size_bytes = len(json.dumps(payload, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as exc:
            raise Refused(f"payload of {self.topic}: not JSON") from exc
        if size_bytes > MAX_PAYLOAD_BYTES:
            raise Refused(f"payload of {self.topic}: expected at most {MAX_PAYLOAD_BYTES} bytes, got {size_bytes}")
        if error := best_match(self.payload.iter_errors(payload)):
            where = "".join(f"{part}: " for part in error.absolute_path)
            raise Refused(
                f"payload of {self.topic}: {where}{_cut(error.message)}; allowed is {json.dumps(self.payload.schema)}"
            )
        assert isinstance(payload, dict)  # every schema of the document says so
        return payload

    def asks_first(self, payload: Mapping[str, Any]) -> bool:
        """Whether the user is to be asked before a checked `payload` is sent."""
        return self.confirm.is_valid(payload)


class Topics:
    """All topics of the document.

    Attributes
    ----------
    controls : dict
        Control topics by name.
    states : dict
        What each device reports, by device, e.g. ``"kitchen/oven"``.
    """

    def __init__(self, text: str) -> None:
        self.controls: dict[str, Control] = {}
        self.states: dict[str, Draft202012Validator] = {}
        for found in _BLOCK.finditer(text):
            block = json.loads(found[1])
            topic, payload = block["topic"], _validator(block["payload"])
            if topic.endswith("/state"):
                self.states[device_of(topic)] = payload
            else:
                self.controls[topic] = Control(
                    topic=topic,
                    devices=tuple(map(device_of, block["reports"])),
                    payload=payload,
                    confirm=_validator(block.get("confirm", False)),
                )

    @classmethod
    def read(cls, path: Path = DOCUMENT) -> Topics:
        """Read the document."""
        return cls(path.read_text("utf-8"))

    def control(self, topic: str) -> Control:
        """Return the control topic of that name.

        Only names that the document holds get through: no wildcard, no ``$SYS``, no control character.

        Raises
        ------
        Refused
            There is none.
        """
        if control := self.controls.get(topic):
            return control
        kind = "is not a control topic"
        if topic in {f"home/{device}/state" for device in self.states}:
            kind = "is a status topic, which only its device publishes to; read it with get_state"
        raise Refused(f"{_cut(repr(topic))} {kind}; allowed are {', '.join(self.controls)}")

    def device(self, name: str) -> str:
        """Return the name of a device, given it or its status topic.

        Raises
        ------
        Refused
            There is none.
        """
        device = device_of(name) if name.startswith("home/") else name
        if device not in self.states:
            raise Refused(f"there is no device {_cut(repr(name))}; there are {', '.join(self.states)}")
        return device


def device_of(topic: str) -> str:
    """Return the middle of ``home/<room>/<device>/<kind>``: room and device."""
    return topic.removeprefix("home/").rpartition("/")[0]


def _validator(schema: Any) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}…"


def passages(text: str) -> dict[str, str]:
    """Return each passage under its heading; every one stands for itself."""
    parts = text.split("\n## ")[1:]
    return {part.splitlines()[0]: f"## {part.strip()}\n" for part in parts}


def main(folder: Path) -> int:
    """Write one file for each passage."""
    folder.mkdir(parents=True, exist_ok=True)
    for heading, text in passages(DOCUMENT.read_text("utf-8")).items():
        name = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")
        (folder / f"{name}.md").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
