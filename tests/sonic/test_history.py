from __future__ import annotations

from sonicrtc.sonic.history import History, Message


def test_neighbours_of_one_role_are_one_message() -> None:
    history = History()
    for role, text in [("USER", "hello"), ("ASSISTANT", "Hi."), ("ASSISTANT", " How are you? "), ("USER", "fine")]:
        history.add(role, text)  # type: ignore[arg-type]
    assert list(history) == [
        Message("USER", "hello"),
        Message("ASSISTANT", "Hi. How are you?"),
        Message("USER", "fine"),
    ]


def test_blank_texts_leave_no_trace() -> None:
    history = History()
    history.add("USER", "  ")
    assert len(history) == 0


def test_messages_begin_with_the_user() -> None:
    history = History([Message("ASSISTANT", "Welcome."), Message("USER", "hello")])
    assert history.messages() == [Message("USER", "hello")]
    assert History([Message("ASSISTANT", "Welcome.")]).messages() == []
