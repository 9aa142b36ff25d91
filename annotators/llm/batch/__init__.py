"""The provider's batch API (OpenAI's Files and Batches): many requests in one file, answered within a day."""

from annotators.llm.batch.transport import BatchTransport

__all__ = ["BatchTransport"]
