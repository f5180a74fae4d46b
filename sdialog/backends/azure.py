"""``azure:`` — OpenAI's models in Microsoft's cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sdialog.backends._remote import from_environment
from sdialog.backends.openai import ChatCompletions
from sdialog.core.errors import AuthenticationError, ConfigError
from sdialog.core.optional import available
from sdialog.llm.protocol import backends

_VERSION = "2024-10-21"


@backends.register("azure", aliases=("azure-openai", "azure_openai"))
class AzureBackend(ChatCompletions):
    """A deployment of Azure OpenAI.

    As ``openai:`` for OpenAI's own service: ``top_k``, ``min_p``, ``repetition_penalty`` and ``think`` are left out,
    and options the deployment does not take are left out, or renamed, from then on.

    Args:
        model: name of the deployment.
        api_key: else ``AZURE_OPENAI_API_KEY``.
        azure_endpoint: such as ``https://my-resource.openai.azure.com``; else ``AZURE_OPENAI_ENDPOINT``.
        api_version: version of the service; else ``OPENAI_API_VERSION``, else 2024-10-21.
        azure_ad_token: Entra token to use in place of a key; else ``AZURE_OPENAI_AD_TOKEN``.
        organization: else ``OPENAI_ORG_ID``.
        timeout: seconds one call may take; for a stream, seconds to wait for the next piece.
        max_connections: most connections open at a time, all kept alive.
        default_headers: headers to add to every request.
        default_query: query parameters to add to every request.
        base_url: another name for ``azure_endpoint``.

    Example:
        >>> AzureBackend("my-gpt", azure_endpoint="https://my-resource.openai.azure.com")
        AzureBackend('azure:my-gpt')
    """

    prefix: ClassVar[str] = "azure"

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        azure_endpoint: str | None = None,
        api_version: str | None = None,
        azure_ad_token: str | None = None,
        organization: str | None = None,
        timeout: float = 120.0,
        max_connections: int = 256,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        base_url: str | None = None,
    ) -> None:
        self._key = (api_key or ("" if azure_ad_token else from_environment("AZURE_OPENAI_API_KEY")) or "").strip()
        self._token = azure_ad_token or ("" if self._key else from_environment("AZURE_OPENAI_AD_TOKEN") or "")
        self.address = self._endpoint = azure_endpoint or base_url or from_environment("AZURE_OPENAI_ENDPOINT")
        super().__init__(
            model,
            timeout=timeout,
            max_connections=max_connections,
            default_headers=default_headers,
            default_query=default_query,
            secrets=[self._key, self._token],
        )
        self._settings["organization"] = organization
        self._settings["api_version"] = api_version or from_environment("OPENAI_API_VERSION") or _VERSION

    @classmethod
    def unusable_because(cls) -> str | None:
        """Say what is missing to use Azure, or None."""
        if not available(cls.package):
            return "the package openai is not installed"
        if not from_environment("AZURE_OPENAI_ENDPOINT"):
            return "no address: set AZURE_OPENAI_ENDPOINT, or give azure_endpoint="
        if not from_environment("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"):
            return "no key: set AZURE_OPENAI_API_KEY, or give api_key="
        return None

    def _connect(self) -> Any:
        if not self._endpoint:
            raise ConfigError("no address: set AZURE_OPENAI_ENDPOINT, or give azure_endpoint=")
        if not self._key and not self._token:
            raise AuthenticationError("no key: set AZURE_OPENAI_API_KEY, or give api_key= or azure_ad_token=")
        # Only what is there: the SDK reads the environment for what is None, and may find a second credential.
        credential = {"api_key": self._key} if self._key else {"azure_ad_token": self._token}
        return self._openai.AsyncAzureOpenAI(
            azure_endpoint=self._endpoint, http_client=self._pool(), **credential, **self._settings
        )

    def _address(self) -> str:
        return self._endpoint or "Azure"
