"""What a client may ask for: requests as bytes, the worst that can come among them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonicrtc.local.knowledge_base.request import ServiceError, parse, parse_id

CAT = {"equals": {"key": "animal", "value": "cat"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "filter", "equals", "key", "value", "andAll", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def search(**members: Any) -> dict[str, Any]:
    """A request with these members of vectorSearchConfiguration."""
    return {"retrievalQuery": {"text": "cat"}, "retrievalConfiguration": {"vectorSearchConfiguration": members}}


def refused(body: bytes) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        parse(body)
    return caught.value.code, caught.value.message


def test_five_results_are_given_when_nothing_is_said() -> None:
    question = parse(b'{"retrievalQuery": {"text": "cat"}}')
    assert (question.text, question.limit, question.offset, question.condition) == ("cat", 5, 0, None)


def test_members_that_nobody_knows_are_ignored() -> None:
    assert parse(json.dumps(search(numberOfResults=7) | {"later": 1}).encode()).limit == 7


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ([], "request: type is"),
        ({}, "request: required is"),
        ({"retrievalQuery": {"text": "x" * 20_001}}, "retrievalQuery.text: maxLength is 20000"),
        ({"retrievalQuery": {"text": " "}}, "retrievalQuery.text: expected a text that is not blank"),
        ({"retrievalQuery": {"text": "cat", "image": {}}}, "retrievalQuery.image: not supported"),
        ({"retrievalQuery": {"text": "cat"}, "userContext": {"userId": "a"}}, "userContext: not supported"),
        (search(numberOfResults=0), "numberOfResults: minimum is 1"),
        (search(numberOfResults=True), "numberOfResults: type is"),
        (search(overrideSearchType="FAST"), "overrideSearchType: enum is"),
        (search(filter={}), "filter: minProperties is 1"),
        (search(filter={"sameAs": {"key": "a", "value": 1}}), "filter: additionalProperties is false"),
        (search(filter={"greaterThan": {"key": "a", "value": "b"}}), "filter.greaterThan.value: type is"),
        (search(filter={"in": {"key": "a", "value": "b"}}), "filter.in.value: type is"),
        (search(filter={"startsWith": {"key": "a", "value": 1}}), "filter.startsWith.value: type is"),
        (search(filter={"andAll": [CAT]}), "filter.andAll: minItems is 2"),
        (search(filter={**CAT, "notEquals": CAT["equals"]}), "filter: maxProperties is 1"),
    ],
)
def test_what_the_schema_does_not_pass_is_said_with_its_place(request_: object, says: str) -> None:
    code, message = refused(json.dumps(request_).encode())
    assert code == "ValidationException"
    assert says in message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"cat"])
def test_what_is_no_json_is_a_serialization_exception(body: bytes) -> None:
    assert refused(body)[0] == "SerializationException"


def test_a_token_leads_to_its_page_of_the_same_question() -> None:
    asked = search(numberOfResults=7)
    token = parse(json.dumps(asked).encode()).token(4)
    assert parse(json.dumps(asked | {"nextToken": token}).encode()).offset == 4
    other = search(numberOfResults=8) | {"nextToken": token}
    assert refused(json.dumps(other).encode())[1] == "nextToken: it is not one that this request was answered with"


@pytest.mark.parametrize("token", ["x", "W10=", "bnVsbA==", "é"])
def test_a_token_that_was_never_given_is_refused(token: str) -> None:
    assert "nextToken" in refused(json.dumps(search() | {"nextToken": token}).encode())[1]


def test_an_id_or_an_arn_names_a_knowledge_base_and_nothing_else_does() -> None:
    assert parse_id("LOCALKB001") == "LOCALKB001"
    assert parse_id("arn:aws:bedrock:us-east-1:111122223333:knowledge-base/ABCDEFGHIJ") == "ABCDEFGHIJ"
    for wrong in ("", "LOCALKB", "arn:aws:s3:us-east-1:111122223333:knowledge-base/ABCDEFGHIJ"):
        with pytest.raises(ServiceError, match="knowledgeBaseId"):
            parse_id(wrong)


def test_a_filter_that_is_nested_too_deeply_is_refused() -> None:
    levels = 2000
    condition = '{"andAll": [' * levels + json.dumps(CAT) + f", {json.dumps(CAT)}]}}" * levels
    body = json.dumps(search(filter=0)).replace('"filter": 0', f'"filter": {condition}')
    assert refused(body.encode())[0] == "ValidationException"


def test_a_text_of_the_client_is_never_repeated() -> None:
    assert "secret" not in refused(json.dumps(search(filter={"secret": 1}, overrideSearchType="secret")).encode())[1]


@given(JSON)
def test_any_json_is_a_question_or_a_documented_error(value: object) -> None:
    codes = set()
    for body in (value, {"retrievalQuery": value}, search(filter=value)):
        try:
            parse(json.dumps(body).encode())
        except ServiceError as exc:
            codes.add(exc.code)
    assert codes <= {"ValidationException"}
