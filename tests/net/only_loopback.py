"""Run in a network namespace that has only lo: prints the addresses offered, then ``connected``."""

import asyncio

from tests.net.peers import Heard, connect, make_peer


async def main() -> None:
    caller, callee = make_peer(Heard()), make_peer(Heard())
    offer = await caller.offer()
    print(*sorted({line.split()[4] for line in offer.sdp.splitlines() if line.startswith("a=candidate:")}))
    await caller.close()
    caller = make_peer(Heard())
    await connect(caller, callee)
    async with asyncio.timeout(15):
        await caller.connected.wait()
        await callee.connected.wait()
    print("connected")
    await caller.close()
    await callee.close()


asyncio.run(main())
