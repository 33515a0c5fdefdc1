"""A Bedrock knowledge base as a tool: ``Retrieve``, by boto3 in a thread.

Addresses and proxies are boto3's own affair where nothing else is said: ``AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME``
points it at ``sonicrtc local kb``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sonicrtc.errors import CredentialsError, MissingExtraError, ToolError
from sonicrtc.tools.registry import Tool, make_tool
from sonicrtc.tools.threads import in_thread

if TYPE_CHECKING:
    from sonicrtc.credentials import AwsKeys, CredentialsProvider

#: How much of one passage the model is told, and of all together, in bytes of UTF-8: it answers in a sentence or two.
_PASSAGE_BYTES = 2_000
_ALL_BYTES = 8_000

_CONNECT_TIMEOUT_S = 2.0
_READ_TIMEOUT_S = 8.0

_DENIED = frozenset(
    {
        "AccessDeniedException", "ExpiredTokenException", "IncompleteSignatureException", "InvalidSignatureException",
        "MissingAuthenticationTokenException", "UnrecognizedClientException",
    }
)  # fmt: skip
_BUSY = frozenset({"ServiceQuotaExceededException", "ThrottlingException"})
_NOTHING = "Nothing in the knowledge base is about this. Say so, and do not guess."


def knowledge_base_tool(
    id: str,
    *,
    region: str | None = None,
    endpoint_url: str | None = None,
    number_of_results: int = 5,
    min_score: float = 0.0,
    filter: Mapping[str, Any] | None = None,
    name: str = "search_knowledge_base",
    description: str | None = None,
    credentials: CredentialsProvider | None = None,
) -> Tool:
    """Return a tool with which the model searches a knowledge base.

    It gives ``{"passages": [{"text", "source", "score"}, ...]}``, best first, with ``page`` where the source has
    pages; long passages are cut. The page gets the same in the `ToolEvent` of its end.

    Parameters
    ----------
    id : str
        Of the knowledge base, or its ARN.
    region : str, optional
        AWS region; boto3's own when None.
    endpoint_url : str, optional
        Address instead of the region's own.
    number_of_results : int
        Most passages, 1 to 100.
    min_score : float
        Passages with a lower score are left out. What a score means depends on the vector store.
    filter : mapping, optional
        ``RetrievalFilter`` on metadata, e.g. ``{"equals": {"key": "year", "value": 2026}}``.
    name, description : str
        What the model sees. Say in the description what the documents are about.
    credentials : CredentialsProvider, optional
        AWS keys; boto3's own chain when None.
    """
    search: dict[str, Any] = {"numberOfResults": number_of_results} | ({"filter": dict(filter)} if filter else {})
    client = _Client(id, region, endpoint_url, credentials)

    async def search_knowledge_base(question: str) -> dict[str, Any]:
        """Search the documents of the knowledge base. Answer from what it returns, in your own words.

        Parameters
        ----------
        question : str
            What to find out, as a whole question with all names in it.
        """
        reply = await client.retrieve(question, search)
        passages = list(_passages(reply["retrievalResults"], min_score))
        return {"passages": passages} if passages else {"passages": [], "note": _NOTHING}

    return make_tool(search_knowledge_base, name=name, description=description)


def _passages(results: list[dict[str, Any]], min_score: float) -> Iterator[dict[str, Any]]:
    left_bytes = _ALL_BYTES
    for result in results:
        text = _cut(result["content"].get("text", "").strip(), min(_PASSAGE_BYTES, left_bytes))
        score = result.get("score", 0.0)
        if not text or score < min_score:
            continue
        left_bytes -= len(text.encode())
        passage = {"text": text, "source": _source(result.get("location", {})), "score": round(score, 3)}
        page = result.get("metadata", {}).get("x-amz-bedrock-kb-document-page-number")
        yield passage if page is None else passage | {"page": int(page)}


def _cut(text: str, limit_bytes: int) -> str:
    data = text.encode()
    return text if len(data) <= limit_bytes else data[:limit_bytes].decode(errors="ignore").rstrip()


def _source(location: Mapping[str, Any]) -> str:
    """Return the address or name of a document: each type of location has one member that holds it."""
    members = [value for key, value in location.items() if key != "type" and isinstance(value, dict)]
    return str(next((value for member in members for value in member.values()), ""))


class _Client:
    """boto3's client of one knowledge base; made again when the keys change."""

    def __init__(
        self, id: str, region: str | None, endpoint_url: str | None, credentials: CredentialsProvider | None
    ) -> None:
        self._id = id
        self._region = region
        self._endpoint_url = endpoint_url
        self._credentials = credentials
        self._made: tuple[AwsKeys | None, Any] | None = None

    async def retrieve(self, question: str, search: Mapping[str, Any]) -> dict[str, Any]:
        """Return the service's reply.

        Raises
        ------
        ToolError
            It cannot be had; the message says what to do.
        """
        try:
            keys = None if self._credentials is None else await self._credentials.frozen()
        except CredentialsError as exc:
            raise ToolError(f"the knowledge base cannot be asked: {exc}") from exc
        return await in_thread(lambda: self._retrieve(question, search, keys))

    def _retrieve(self, question: str, search: Mapping[str, Any], keys: AwsKeys | None) -> dict[str, Any]:
        try:
            import botocore.exceptions
        except ModuleNotFoundError as exc:
            raise MissingExtraError("a knowledge base needs the extra: pip install 'sonicrtc[server]'") from exc
        try:
            made = self._made
            if made is None or made[0] != keys:
                self._made = made = (keys, self._make(keys))
            reply: dict[str, Any] = made[1].retrieve(
                knowledgeBaseId=self._id,
                retrievalQuery={"text": question},
                retrievalConfiguration={"vectorSearchConfiguration": search},
            )
        except botocore.exceptions.ClientError as exc:
            raise ToolError(self._words(exc.response.get("Error", {}))) from exc
        except botocore.exceptions.ParamValidationError as exc:
            raise ToolError(f"the knowledge base was asked in a way that it does not take: {exc}") from exc
        except botocore.exceptions.BotoCoreError as exc:
            raise ToolError(f"the knowledge base cannot be reached ({type(exc).__name__}: {exc})") from exc
        return reply

    def _make(self, keys: AwsKeys | None) -> Any:
        import boto3
        from botocore.config import Config

        session = boto3.Session(region_name=self._region)
        return session.client(
            "bedrock-agent-runtime",
            endpoint_url=self._endpoint_url,
            aws_access_key_id=keys.access_key_id if keys else None,
            aws_secret_access_key=keys.secret_access_key if keys else None,
            aws_session_token=keys.session_token if keys else None,
            config=Config(
                connect_timeout=_CONNECT_TIMEOUT_S,
                read_timeout=_READ_TIMEOUT_S,
                retries={"total_max_attempts": 2, "mode": "standard"},
                # A proxy is the way to AWS from some networks, never to an address of one's own.
                proxies={} if self._endpoint_url else None,
            ),
        )

    def _words(self, error: Mapping[str, Any]) -> str:
        """Return what to tell of an error of the service; what it says itself may quote the signature of a request."""
        code = error.get("Code", "unknown error")
        if code in _BUSY:
            return f"the knowledge base is busy ({code}); try again in a moment"
        if code in _DENIED:
            return (
                f"knowledge base {self._id} refuses these credentials ({code}); their role needs the permission"
                " bedrock:Retrieve on it"
            )
        if code == "ResourceNotFoundException":
            region = f" in {self._region}" if self._region else ""
            return f"there is no knowledge base {self._id}{region}; check knowledge_base.id and the region"
        return f"the knowledge base failed ({code}: {str(error.get('Message', ''))[:200]})"
