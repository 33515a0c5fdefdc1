from __future__ import annotations

import gc
import weakref

import pytest
from awscrt.aio.http import AIOHttp2ClientStream
from tests.sonic.driving import Driven

from sonicrtc.config import ContinuityConfig, SonicConfig
from sonicrtc.errors import MissingExtraError, SonicClosedError
from sonicrtc.local.sonic import Fault, LocalSonic
from sonicrtc.local.sonic.echo import EchoBrain
from sonicrtc.local.state import LocalState
from sonicrtc.sonic import transport
from sonicrtc.sonic.transport import check_private_names

PRIVATE = [(owner, name) for owner, names in transport._PRIVATE_NAMES for name in names]


@pytest.mark.parametrize(("owner", "name"), PRIVATE, ids=[name for _, name in PRIVATE])
def test_a_private_name_that_we_rely_on_is_there(owner: type, name: str) -> None:
    check_private_names(((owner, (name,)),))


def test_a_private_name_that_is_gone_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"AIOHttp2ClientStream\._on_smoke_signal.*sonicrtc\[server\]"):
        check_private_names(((AIOHttp2ClientStream, ("_on_smoke_signal",)),))


async def lose_the_connection(state: LocalState) -> weakref.ref[object]:
    async with LocalSonic(state=state, brain=EchoBrain) as service:
        service.faults.next(Fault(fault="drop", after_ms=50))
        config = SonicConfig(endpoint=service.endpoint, ca_file=state.ca_file)
        subject = Driven(config, keys=state.keys, continuity=ContinuityConfig(retry_for_s=0))
        with pytest.raises(SonicClosedError):
            await subject.run()
    return weakref.ref(subject.session)


async def test_a_lost_connection_keeps_nothing_of_its_session(state: LocalState) -> None:
    session = await lose_the_connection(state)
    gc.collect()
    assert session() is None
