"""A knowledge base on this machine: a folder of files behind Bedrock Agent Runtime's ``Retrieve``."""

from __future__ import annotations

from sonicrtc.local.knowledge_base.service import DEFAULT_ID, LocalKnowledgeBase

__all__ = ["DEFAULT_ID", "LocalKnowledgeBase"]
