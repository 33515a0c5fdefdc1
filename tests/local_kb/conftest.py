"""The local knowledge base over a small folder, and boto3 as it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sonicrtc.credentials import AwsKeys
from sonicrtc.local.knowledge_base import LocalKnowledgeBase

KEYS = AwsKeys(access_key_id="AKIDLOCAL", secret_access_key="a secret/of+this test")
ANIMALS = {
    "cat.md": ("# Animals\n\n## The cat\n\nCats purr and sleep on the sofa.\n", {"animal": "cat", "legs": 4}),
    "camel.txt": ("Camels walk through the desert.\n", {"animal": "camel", "legs": 4, "wild": False}),
    "birds.md": ("# Birds\n\nParrots talk and fly.\n", {"animal": "parrot", "legs": 2, "food": ["seeds", "fruit"]}),
    "plain.md": ("Nobody has said what this is about.\n", None),
}


def write(folder: Path, name: str, text: str, metadata: dict[str, Any] | None = None) -> None:
    """Write a file and what is to be known of it."""
    if metadata is not None:
        (folder / f"{name}.metadata.json").write_text(json.dumps({"metadataAttributes": metadata}))
    (folder / name).write_text(text)


class Client:
    """boto3 as it is; its calls run in a thread, because the service shares this loop."""

    def __init__(self, endpoint: str, keys: AwsKeys = KEYS, region: str = "us-east-1") -> None:
        self.boto: Any = boto3.client(
            "bedrock-agent-runtime",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )

    async def retrieve(self, text: str, id: str = "LOCALKB001", token: str | None = None, **search: Any) -> Any:
        parameters: dict[str, Any] = {"knowledgeBaseId": id, "retrievalQuery": {"text": text}}
        if search:
            parameters["retrievalConfiguration"] = {"vectorSearchConfiguration": search}
        if token is not None:
            parameters["nextToken"] = token
        return await asyncio.to_thread(self.boto.retrieve, **parameters)

    async def files(self, text: str, **search: Any) -> list[str]:
        """Names of the files that were found, nearest first."""
        results = (await self.retrieve(text, **search))["retrievalResults"]
        return [result["location"]["s3Location"]["uri"].removeprefix("s3://local/") for result in results]

    async def error(self, call: Awaitable[Any]) -> tuple[str, int, str]:
        """The error that a call is answered with: code, status and message."""
        with pytest.raises(ClientError) as caught:
            await call
        response = caught.value.response
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, (text, metadata) in ANIMALS.items():
        write(tmp_path, name, text, metadata)
    return tmp_path


@pytest.fixture
def said() -> list[str]:
    """What the service says for a person."""
    return []


@pytest.fixture
async def kb(folder: Path, said: list[str]) -> AsyncIterator[LocalKnowledgeBase]:
    async with LocalKnowledgeBase(folder, keys=KEYS, say=said.append, page_results=2) as service:
        yield service


@pytest.fixture
async def client(kb: LocalKnowledgeBase) -> AsyncIterator[Client]:
    client = Client(kb.endpoint)
    yield client
    client.boto.close()
