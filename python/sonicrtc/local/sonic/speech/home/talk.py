"""The house in conversation: from what was understood to calls of the client's tools, and to what is said of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sonicrtc.local.sonic.brain import ToolDefinition
from sonicrtc.local.sonic.speech.answers import Answer, CallThen, Say
from sonicrtc.local.sonic.speech.home.house import ALL_LIGHTS, HEAT, LIGHTS, OVEN, Command
from sonicrtc.local.sonic.speech.home.meaning import Meaning, Memory
from sonicrtc.local.sonic.speech.home.telling import described, expected, outcome, question, unwrapped
from sonicrtc.local.sonic.speech.home.understand import understand

#: The argument by which a tool that asks first is told that the user was asked.
TOKEN = "confirmation"
_YES = re.compile(
    r"^(?:(?:oh |well |um )?(?:yes|yeah|yep|yup|sure|okay|ok|of course|please do|do it|go ahead|certainly|"
    r"absolutely|definitely|correct|right|exactly|confirmed?|i confirm|that is right|you may|affirmative|"
    r"do that|by all means)\b ?)+"
)
_POLITE = re.compile(r"^(?:please|thanks|thank you|do|it|so|that|now|you|can|may|i am|fine|very|much| )*$")
_NO = re.compile(
    r"^(?:oh |well |um )?(?:no|nope|nah|do not|not now|never|stop|cancel|wait|leave it|forget it|rather not|"
    r"better not)\b"
    r"[ ]*(?:no|thanks|thank you|do not|please|not|that|do|it|now|stop|cancel|leave|forget|rather| )*$"
)
_ALREADY_OFF = "The oven is off, so there is nothing to change. Tell me the temperature to switch it on."


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseTools:
    """The names of the client's tools; `asks` says that the one for confirmed commands asks by itself first."""

    publish: str
    confirmed: str
    state: str
    asks: bool


def house_tools(tools: Mapping[str, ToolDefinition]) -> HouseTools | None:
    """Return the tools of a smart home if the client offers them: one that publishes, one that tells states."""

    def takes(name: str, *wanted: str) -> bool:
        properties = tools[name]["schema"].get("properties")
        return isinstance(properties, Mapping) and all(one in properties for one in wanted)

    publishing = [name for name in tools if "publish" in name and takes(name, "topic", "payload")]
    telling = [name for name in tools if name.endswith("get_state") and takes(name, "device")]
    free = [name for name in publishing if "confirm" not in name]
    if not (free and telling):
        return None
    confirmed = next((name for name in publishing if "confirm" in name), free[0])
    return HouseTools(publish=free[0], confirmed=confirmed, state=telling[0], asks=takes(confirmed, TOKEN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Talked:
    """What is remembered of the house between turns.

    Parameters
    ----------
    memory : Memory
        What was talked about.
    open : tuple of Command
        What the user was asked about and has not answered yet.
    tokens : tuple of str
        By which a tool knows its own questions again, one for each command.
    """

    memory: Memory = field(default_factory=Memory)
    open: tuple[Command, ...] = ()
    tokens: tuple[str, ...] = ()

    def lapsed(self) -> Talked:
        """Return what is left after something else was talked about."""
        return Talked(memory=Memory(last=self.memory.last))


class HouseTalk:
    """Answers to what is said to the house; it has no state of its own.

    Parameters
    ----------
    tools : HouseTools
        What it acts with.
    """

    def __init__(self, tools: HouseTools) -> None:
        self._tools = tools

    @property
    def names(self) -> tuple[str, ...]:
        """The tools that are its own."""
        return (self._tools.publish, self._tools.confirmed, self._tools.state)

    def answer(self, heard: str, talked: Talked) -> Answer | None:
        """Return the answer to `heard`, None when it is nothing to the house."""
        words = " ".join(re.findall(r"[a-z]+", heard.lower().replace("n't", " not").replace("'s", " is")))
        if talked.open and (yes := _YES.match(words)) and self._agrees(words[yes.end() :], talked):
            return self._confirmed(talked)
        if talked.open and _NO.match(words):
            return Say(text="All right, I do nothing.", talked=talked.lapsed())
        meaning = understand(heard, talked.memory)
        after = Talked(memory=talked.memory.after(meaning))
        match meaning.kind:
            case "act":
                return self._act(meaning, after)
            case "state":
                return self._tell_states(meaning.devices, after)
            case "ask" | "refuse":
                return Say(text=meaning.text, talked=after)
            case _:
                return self._ask_again(words, talked)

    def _agrees(self, rest: str, talked: Talked) -> bool:
        """Whether nothing else than a yes was said: "yes, lock it" to "Shall I lock the front door?"."""
        return bool(_POLITE.match(rest)) or understand(rest, talked.memory).commands == talked.open

    def _ask_again(self, words: str, talked: Talked) -> Answer | None:
        if not talked.open or len(words.split()) > 3:
            return None
        return Say(text=f"Please say yes or no. {question(talked.open)}", talked=talked)

    # -- acting -------------------------------------------------------------------------------------

    def _act(self, meaning: Meaning, after: Talked) -> Answer:
        """Do what may be done at once, then ask about the rest."""

        def finish(told: list[str], commands: Sequence[Command]) -> Answer:
            first = [command for command in commands if command.asks_first]
            if first:
                return self._ask_first(first, told, after)
            return Say(text=" ".join([*told, meaning.text]).strip(), talked=after)

        def publish(commands: list[Command], told: list[str]) -> Answer:
            at_once = [command for command in commands if not command.asks_first]
            return self._publish(at_once, told, after, lambda all_told: finish(all_told, commands))

        if any(command.member for command in meaning.commands):
            return self._absolute(meaning.commands, after, publish)
        return publish(list(meaning.commands), [])

    def _absolute(
        self, commands: Sequence[Command], after: Talked, then: Callable[[list[Command], list[str]], Answer]
    ) -> Answer:
        """Ask for the states that changes start from."""

        def changed(result: Any) -> Answer:
            states = unwrapped(result)
            if not isinstance(states, Mapping) or "error" in states:
                return Say(text=outcome(commands[0], states), talked=after)
            made: list[Command] = []
            told: list[str] = []
            for command in commands:
                devices = LIGHTS if command.member and command.device == ALL_LIGHTS else (command.device,)
                for device in devices:
                    state = states.get(device)
                    if command.member == HEAT and isinstance(state, Mapping) and state.get("on") is False:
                        told.append(_ALREADY_OFF)
                    elif command.member:
                        known = state if isinstance(state, Mapping) else {}
                        made.append(replace(command, device=device).absolute(known))
                    else:
                        made.append(command)
            return then(made, told)

        devices = {command.device for command in commands if command.member}
        one = len(devices) == 1 and ALL_LIGHTS not in devices
        return CallThen(
            name=self._tools.state, arguments={"device": next(iter(devices))} if one else {}, then=changed, talked=after
        )

    def _publish(
        self, commands: Sequence[Command], told: list[str], after: Talked, then: Callable[[list[str]], Answer]
    ) -> Answer:
        if not commands:
            return then(told)
        command, *rest = commands
        return CallThen(
            name=self._tools.publish,
            arguments={"topic": command.topic, "payload": dict(command.payload)},
            then=lambda result: self._publish(rest, [*told, outcome(command, result)], after, then),
            guess=expected(command) if not told else None,
            talked=after,
        )

    # -- asking first -------------------------------------------------------------------------------

    def _ask_first(self, commands: Sequence[Command], told: list[str], after: Talked) -> Answer:
        """Ask the user about `commands`; a tool that asks by itself is asked for its tokens."""
        asked = Say(
            text=" ".join([*told, question(commands)]),
            talked=Talked(memory=after.memory, open=tuple(commands)),
        )
        return self._with_tokens(commands, (), asked) if self._tools.asks else asked

    def _with_tokens(self, commands: Sequence[Command], tokens: tuple[str, ...], asked: Say) -> Answer:
        if not commands:
            talked = asked.talked or Talked()
            return replace(asked, talked=replace(talked, tokens=tokens))
        command, *rest = commands

        def took(result: Any) -> Answer:
            token = result.get(TOKEN) if isinstance(result, Mapping) else None
            if not isinstance(token, str):
                return Say(text=outcome(command, result))
            return self._with_tokens(rest, (*tokens, token), asked)

        return CallThen(
            name=self._tools.confirmed,
            arguments={"topic": command.topic, "payload": dict(command.payload)},
            then=took,
            guess=asked.text,
        )

    def _confirmed(self, talked: Talked) -> Answer:
        """Send what the user has said yes to."""
        after = talked.lapsed()

        def send(commands: Sequence[Command], tokens: Sequence[str], told: list[str]) -> Answer:
            if not commands:
                return Say(text=" ".join(told), talked=after)
            command, *rest = commands
            token = {TOKEN: tokens[0]} if tokens else {}
            return CallThen(
                name=self._tools.confirmed,
                arguments={"topic": command.topic, "payload": dict(command.payload), **token},
                then=lambda result: send(rest, tokens[1:], [*told, outcome(command, result)]),
                guess=expected(command) if command.device != OVEN and not told else None,
                talked=after,
            )

        return send(talked.open, talked.tokens, [])

    # -- telling ------------------------------------------------------------------------------------

    def _tell_states(self, devices: Sequence[str], after: Talked) -> Answer:
        def told(result: Any) -> Answer:
            states = unwrapped(result)
            if not isinstance(states, Mapping) or "error" in states:
                return Say(text=outcome(Command(device=devices[0]), states), talked=after)
            known = {device: states[device] for device in devices if device in states}
            return Say(text=described(known) or "I do not know.", talked=after)

        arguments = {"device": devices[0]} if len(devices) == 1 else {}
        return CallThen(name=self._tools.state, arguments=arguments, then=told, talked=after)
