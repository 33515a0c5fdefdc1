"""A voice agent whose tools take their time, ask first, or live in somebody else's code: python examples/tools.py"""

import asyncio
import time
from typing import Any, Literal

from sonicrtc import Agent
from sonicrtc.errors import ToolError

agent = Agent(instructions="You look after a house. Use the tools; say so when one fails.")


@agent.tool
async def set_heating(room: Literal["kitchen", "bath", "bedroom"], celsius: float = 20.0) -> dict[str, object]:
    """Set the heating of a room.

    Parameters
    ----------
    room : str
        Which room.
    celsius : float
        The temperature, 5 to 28.
    """
    if not 5 <= celsius <= 28:
        raise ToolError(f"the heating takes 5 to 28 degrees, not {celsius:g}")
    return {"room": room, "celsius": celsius}


@agent.tool(timeout_s=8, filler="I am asking the weather service.")
async def forecast(city: str) -> dict[str, str]:
    """Tell tomorrow's weather in a city."""
    await asyncio.sleep(0.2)  # a slow service
    return {"city": city, "tomorrow": "rain until noon"}


@agent.tool
def count_logs(days: int) -> int:
    """Count the log files of the last days."""
    time.sleep(0.2)  # not async: it runs in a thread
    return 12 * days


@agent.tool(confirm="Shall I really unlock the {door} door?")
async def unlock(door: Literal["front", "back"]) -> str:
    """Unlock a door of the house."""
    return f"the {door} door is open"


async def play(**wanted: Any) -> dict[str, Any]:
    """Play music."""
    return {"playing": wanted}


agent.tool(schema={"type": "object", "properties": {"artist": {"type": "string"}}, "required": ["artist"]})(play)


if __name__ == "__main__":
    agent.run()
