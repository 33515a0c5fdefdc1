"""Events to the page and to any number of readers."""

from __future__ import annotations

import gc

from sonicrtc.events import AppEvent, ErrorEvent, Event, TranscriptEvent, decode_server
from sonicrtc.feed import Feed


def say(text: str) -> TranscriptEvent:
    return TranscriptEvent(role="user", stage="final", text=text, turn=1)


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, TranscriptEvent)]


async def test_the_first_reader_gets_what_came_before_it_and_later_ones_do_not() -> None:
    feed = Feed(send=lambda text: None, clock=lambda: 5.0)
    feed.tell(say("early"))
    first, second = feed.subscribe(), feed.subscribe()
    feed.tell(say("late"))
    feed.close()
    assert texts([e async for e in first]) == ["early", "late"]
    assert texts([e async for e in second]) == ["late"]


async def test_events_are_stamped_and_sent_to_the_page() -> None:
    sent: list[str] = []
    feed = Feed(send=sent.append, clock=lambda: 5.0)
    feed.tell(say("a"), say("b"))
    assert [decode_server(text).at_ms for text in sent] == [5.0, 5.0]


async def test_what_is_told_before_the_introduction_waits_for_it_and_is_stamped_then() -> None:
    now_ms = 0.0
    feed = Feed(send=lambda text: None, clock=lambda: now_ms, introduced=False)
    reader = feed.subscribe()
    feed.tell(say("early"))
    now_ms = 7.0
    feed.introduce(say("first"))
    feed.tell(say("late"))
    feed.close()
    told = [event async for event in reader]
    assert texts(told) == ["first", "early", "late"]
    assert [event.at_ms for event in told] == [7.0, 7.0, 7.0]


async def test_what_was_never_introduced_is_told_at_the_end() -> None:
    sent: list[str] = []
    feed = Feed(send=sent.append, clock=lambda: 0.0, introduced=False)
    feed.tell(say("lost"))
    feed.close()
    assert texts([decode_server(text) for text in sent]) == ["lost"]


async def test_a_reader_that_falls_behind_loses_the_oldest_and_they_are_counted() -> None:
    feed = Feed(send=lambda text: None, clock=lambda: 0.0, capacity=3)
    slow = feed.subscribe()
    for number in range(5):
        feed.tell(say(str(number)))
    feed.close()
    assert texts([e async for e in slow]) == ["2", "3", "4"]
    assert feed.dropped == 2


async def test_without_any_reader_the_backlog_is_bounded_too() -> None:
    feed = Feed(send=lambda text: None, clock=lambda: 0.0, capacity=3)
    for number in range(5):
        feed.tell(say(str(number)))
    feed.close()
    assert texts([e async for e in feed.subscribe()]) == ["2", "3", "4"]
    assert feed.dropped == 2


async def test_a_reader_that_is_gone_drops_nothing() -> None:
    feed = Feed(send=lambda text: None, clock=lambda: 0.0, capacity=1)
    reader = feed.subscribe()
    del reader
    gc.collect()
    feed.tell(say("a"), say("b"))
    assert feed.dropped == 0


async def test_what_is_too_large_for_the_page_is_named_there_and_whole_for_readers() -> None:
    sent: list[str] = []
    feed = Feed(send=sent.append, clock=lambda: 0.0)
    reader = feed.subscribe()
    feed.tell(say("x" * 20_000))
    feed.close()
    assert texts([e async for e in reader]) == ["x" * 20_000]
    told = decode_server(sent[0])
    assert isinstance(told, ErrorEvent)
    assert "at most 16384 bytes" in told.message


async def test_received_messages_go_to_readers_and_not_back_to_the_page() -> None:
    sent: list[str] = []
    feed = Feed(send=sent.append, clock=lambda: 7.0)
    reader = feed.subscribe()
    assert feed.receive('{"type":"app","kind":"k"}') == AppEvent(kind="k", at_ms=7.0)
    assert feed.receive("nonsense") is None
    feed.close()
    assert [type(e) async for e in reader] == [AppEvent, ErrorEvent]
    assert len(sent) == 1
