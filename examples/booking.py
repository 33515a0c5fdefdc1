"""A booking service, its OpenAPI file, and an agent that books by it: python examples/booking.py"""

import asyncio
import os
from pathlib import Path

from aiohttp import web

from sonicrtc import Agent
from sonicrtc.config import load

SEATS = {"window": 2, "corner": 4, "garden": 8}
bookings: dict[int, dict[str, object]] = {}
routes = web.RouteTableDef()
agent = Agent(instructions="You take bookings for a restaurant. Tell the number of each booking.")


@routes.get("/tables")
async def free_tables(request: web.Request) -> web.Response:
    day, guests = request.query["day"], int(request.query.get("guests", "1"))
    taken = [booking["table"] for booking in bookings.values() if booking["day"] == day]
    return web.json_response([table for table, seats in SEATS.items() if seats >= guests and table not in taken])


@routes.post("/bookings")
async def book_table(request: web.Request) -> web.Response:
    wanted = await request.json()
    if any((b["table"], b["day"]) == (wanted["table"], wanted["day"]) for b in bookings.values()):
        raise web.HTTPConflict(text=f"the {wanted['table']} table is taken on that day")
    number = len(bookings) + 1
    bookings[number] = wanted | {"number": number}
    return web.json_response(bookings[number], status=201)


@routes.get("/bookings/{number}")
async def find_booking(request: web.Request) -> web.Response:
    booking = bookings.get(int(request.match_info["number"]))
    if booking is None:
        raise web.HTTPNotFound(text="there is no such booking")
    return web.json_response(booking)


async def main() -> None:
    """Start the service on a free port, then the agent, which may look things up, and books after a yes."""
    app = web.Application()
    app.add_routes(routes)
    service = web.AppRunner(app)
    await service.setup()
    await web.TCPSite(service, "127.0.0.1", 0).start()
    agent.use_openapi(
        Path(__file__).with_name("booking.yaml"),
        base_url=f"http://127.0.0.1:{service.addresses[0][1]}",
        write={"book_table": "Shall I book the {table} table on {day} for {name}?"},
    )
    await agent.serve(load(environment=os.environ), on_ready=print)
    await service.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
