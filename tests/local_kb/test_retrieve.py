"""boto3, unmodified, against the local knowledge base."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.local_kb.conftest import KEYS, Client

from sonicrtc.credentials import AwsKeys
from sonicrtc.local.knowledge_base import LocalKnowledgeBase


async def test_the_nearest_passage_comes_first_with_source_score_and_metadata(client: Client) -> None:
    results = (await client.retrieve("Which pet lies on the couch?"))["retrievalResults"]
    scores = [result["score"] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] < scores[0] <= 1
    first = results[0]
    assert first["content"] == {
        "type": "TEXT",
        "text": "# Animals\n## The cat\n\nCats purr and sleep on the sofa.",
    }
    assert first["location"] == {"type": "S3", "s3Location": {"uri": "s3://local/cat.md"}}
    assert first["metadata"].items() >= {"animal": "cat", "legs": 4}.items()
    assert first["metadata"]["x-amz-bedrock-kb-source-uri"] == "s3://local/cat.md"


async def test_the_number_of_results_is_kept_to(client: Client) -> None:
    assert await client.files("desert", numberOfResults=1) == ["camel.txt"]


async def test_an_arn_is_as_good_as_an_id(client: Client) -> None:
    arn = "arn:aws:bedrock:us-east-1:111122223333:knowledge-base/LOCALKB001"
    assert (await client.retrieve("cat", id=arn))["retrievalResults"]


@pytest.mark.parametrize("kind", ["SEMANTIC", "HYBRID"])
async def test_the_type_of_search_can_be_chosen(client: Client, kind: str) -> None:
    assert (await client.files("talking birds", overrideSearchType=kind, numberOfResults=1)) == ["birds.md"]


async def test_boto3_pages_through_all_results(client: Client) -> None:
    paginator = client.boto.get_paginator("retrieve")
    pages = await asyncio.to_thread(
        lambda: list(paginator.paginate(knowledgeBaseId="LOCALKB001", retrievalQuery={"text": "animals"}))
    )
    assert [len(page["retrievalResults"]) for page in pages] == [2, 2]
    sources = [r["location"]["s3Location"]["uri"] for page in pages for r in page["retrievalResults"]]
    assert len(set(sources)) == 4


async def test_a_token_is_good_for_its_own_question_only(client: Client) -> None:
    token = (await client.retrieve("animals"))["nextToken"]
    for question, given in (("plants", token), ("animals", "nonsense"), ("animals", "W10=")):
        code, status, message = await client.error(client.retrieve(question, token=given))
        assert (code, status) == ("ValidationException", 400)
        assert message.startswith("nextToken: ")


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"equals": {"key": "animal", "value": "cat"}}, {"cat.md"}),
    ({"equals": {"key": "wild", "value": False}}, {"camel.txt"}),
    ({"equals": {"key": "wild", "value": 0}}, set()),
    ({"notEquals": {"key": "animal", "value": "cat"}}, {"camel.txt", "birds.md", "plain.md"}),
    ({"in": {"key": "animal", "value": ["cat", "dog", "parrot"]}}, {"cat.md", "birds.md"}),
    ({"notIn": {"key": "animal", "value": ["cat", "dog"]}}, {"camel.txt", "birds.md"}),
    ({"greaterThan": {"key": "legs", "value": 2}}, {"cat.md", "camel.txt"}),
    ({"greaterThanOrEquals": {"key": "legs", "value": 2}}, {"cat.md", "camel.txt", "birds.md"}),
    ({"lessThan": {"key": "legs", "value": 4}}, {"birds.md"}),
    ({"lessThanOrEquals": {"key": "legs", "value": 1.5}}, set()),
    ({"greaterThan": {"key": "animal", "value": 2}}, set()),
    ({"startsWith": {"key": "animal", "value": "ca"}}, {"cat.md", "camel.txt"}),
    ({"stringContains": {"key": "animal", "value": "ar"}}, {"birds.md"}),
    ({"stringContains": {"key": "food", "value": "rui"}}, {"birds.md"}),
    ({"listContains": {"key": "food", "value": "fruit"}}, {"birds.md"}),
    ({"listContains": {"key": "food", "value": "fru"}}, set()),
    (
        {"andAll": [{"equals": {"key": "legs", "value": 4}}, {"notEquals": {"key": "animal", "value": "cat"}}]},
        {"camel.txt"},
    ),
    (
        {
            "orAll": [
                {"equals": {"key": "animal", "value": "cat"}},
                {"andAll": [{"lessThan": {"key": "legs", "value": 3}}, {"in": {"key": "animal", "value": ["parrot"]}}]},
            ]
        },
        {"cat.md", "birds.md"},
    ),
]


@pytest.mark.parametrize(("condition", "names"), FILTERS, ids=[next(iter(condition)) for condition, _ in FILTERS])
async def test_a_filter_lets_through_what_its_documentation_says(
    folder: Path, condition: dict[str, Any], names: set[str]
) -> None:
    async with LocalKnowledgeBase(folder, keys=KEYS) as service:
        client = Client(service.endpoint)
        assert set(await client.files("animal", filter=condition)) == names
        client.boto.close()


@pytest.mark.parametrize(
    ("keys", "region", "code"),
    [
        (AwsKeys(access_key_id="AKIDLOCAL", secret_access_key="wrong"), "us-east-1", "InvalidSignatureException"),
        (AwsKeys(access_key_id="SOMEBODY", secret_access_key="x"), "us-east-1", "UnrecognizedClientException"),
        (KEYS, "eu-north-1", "InvalidSignatureException"),
    ],
)
async def test_a_wrong_signature_is_refused(kb: LocalKnowledgeBase, keys: AwsKeys, region: str, code: str) -> None:
    client = Client(kb.endpoint, keys, region)
    assert (await client.error(client.retrieve("cat")))[:2] == (code, 403)
    assert kb.refused == 1
    client.boto.close()


async def test_an_unknown_id_is_the_modelled_exception(client: Client) -> None:
    with pytest.raises(client.boto.exceptions.ResourceNotFoundException, match="NOBODY0000"):
        await client.retrieve("cat", id="NOBODY0000")


@pytest.mark.parametrize(
    ("query", "search", "says"),
    [
        ({}, {}, "retrievalQuery.text: expected a text that is not blank"),
        ({"text": 5}, {}, "retrievalQuery.text: type is"),
        ({"text": "cat"}, {"numberOfResults": 101}, "numberOfResults: maximum is 100"),
        ({"text": "cat"}, {"filter": {"equals": {"key": "a"}}}, "filter.equals: required is"),
        ({"text": "cat"}, {"rerankingConfiguration": {"type": "X"}}, "rerankingConfiguration: not supported"),
    ],
)
async def test_a_bad_request_is_a_validation_exception(
    client: Client, query: dict[str, Any], search: dict[str, Any], says: str
) -> None:
    call = asyncio.to_thread(
        client.boto.retrieve,
        knowledgeBaseId="LOCALKB001",
        retrievalQuery=query,
        retrievalConfiguration={"vectorSearchConfiguration": search},
    )
    code, status, message = await client.error(call)
    assert (code, status) == ("ValidationException", 400)
    assert says in message


async def test_what_is_no_id_is_a_validation_exception(client: Client) -> None:
    assert (await client.error(client.retrieve("cat", id="short")))[:2] == ("ValidationException", 400)


async def test_a_request_that_is_too_large_is_a_validation_exception(client: Client) -> None:
    condition = {"in": {"key": "animal", "value": ["x" * 1000] * 300}}
    assert (await client.error(client.retrieve("cat", filter=condition)))[:2] == ("ValidationException", 400)


async def test_another_operation_is_unknown(client: Client) -> None:
    call = asyncio.to_thread(client.boto.retrieve_and_generate, input={"text": "cat"})
    assert (await client.error(call))[:2] == ("UnknownOperationException", 404)
