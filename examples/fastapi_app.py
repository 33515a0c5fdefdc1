"""A voice agent inside a FastAPI application of your own: uvicorn examples.fastapi_app:app

The page posts its WebRTC offer to ``/offer``; what is said, and messages of the page's own, arrive as events.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from sonicrtc import Agent
from sonicrtc.call import Call
from sonicrtc.config import load
from sonicrtc.errors import BusyError, SdpError
from sonicrtc.events import AppEvent, EndedEvent, TranscriptEvent

log = logging.getLogger("uvicorn.error")
agent = Agent(instructions="You look after a lamp.", config=load(environment=os.environ))
lamp = {"on": False}


class Description(BaseModel):
    """An offer or an answer."""

    sdp: str
    type: str


@agent.tool
async def switch_lamp(on: bool) -> dict[str, bool]:
    """Switch the lamp on or off."""
    lamp["on"] = on
    return lamp


@agent.on_call
async def attend(call: Call) -> None:
    """Follow one call."""
    await call.send("lamp.state", lamp)
    async for event in call.events():
        match event:
            case AppEvent(kind="lamp.switch", data=bool(on)):  # the page's own switch
                lamp["on"] = on
                await call.send("lamp.state", lamp)
            case TranscriptEvent(role=role, stage="final"):
                log.info("%s said something in call %s", role, call.id)  # not what: words are private
            case EndedEvent(reason=reason):
                log.info("call %s ended: %s", call.id, reason)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """End all calls when the application stops."""
    async with agent:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/offer")
async def offer(description: Description) -> Description:
    """Begin a call."""
    try:
        call = await agent.answer(description.model_dump())
    except SdpError as exc:
        raise HTTPException(400, str(exc)) from exc
    except BusyError as exc:
        raise HTTPException(503, str(exc)) from exc
    return Description(**call.answer)
