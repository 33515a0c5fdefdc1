from __future__ import annotations

import pytest
from awscrt.aio.http import AIOHttp2ClientStream

from sonicrtc.errors import MissingExtraError
from sonicrtc.sonic import transport
from sonicrtc.sonic.transport import check_private_names

PRIVATE = [(owner, name) for owner, names in transport._PRIVATE_NAMES for name in names]


@pytest.mark.parametrize(("owner", "name"), PRIVATE, ids=[name for _, name in PRIVATE])
def test_a_private_name_that_we_rely_on_is_there(owner: type, name: str) -> None:
    check_private_names(((owner, (name,)),))


def test_a_private_name_that_is_gone_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"AIOHttp2ClientStream\._on_smoke_signal.*sonicrtc\[server\]"):
        check_private_names(((AIOHttp2ClientStream, ("_on_smoke_signal",)),))
