"""A voice agent with one tool, on a page of its own: python examples/hello.py"""

from sonicrtc import Agent

agent = Agent(instructions="You are brief and kind.", voice="matthew")


@agent.tool
async def weather(city: str) -> dict[str, str]:
    """Tell the weather in a city."""
    return {"city": city, "sky": "clear", "temperature": "21 degrees"}


if __name__ == "__main__":
    agent.run()
