from __future__ import annotations

from typing import NamedTuple

import pytest
from core.strategies import texts
from hypothesis import given
from hypothesis import strategies as st

from sdialog.core.secrets import is_secret_name, mask, without_secrets
from sdialog.llm.types import GenerateConfig

SECRET = """api_key apikey apiKey API_KEY OPENAI_API_KEY X-API-Key x-goog-api-key openai_key secret client_secret
aws_secret_access_key aws_access_key_id accessKey aws_session_token token hf_token access_token refreshToken auth_token
HF_TOKEN password passwd db_password Authorization proxy-authorization bearer bearer_token credentials
google_application_credentials auth cookie Set-Cookie jwt private_key azure_ad_token connection_string session_token
api_keys signing_key token_file token_id cookies accesstoken authtoken secretkey clientsecret privatekey passcode"""

HARMLESS = """max_tokens max_new_tokens min_tokens tokens input_tokens token_count total_tokens eos_token pad_token
bos_token eos_token_id stop_token skip_special_tokens max_token key keyword monkey primary_key sort_key
author authority secretary
temperature seed model name base_url persona keys tokenizer token_limit tokens_per_second authors
prompt_token_count think request_key passenger bearing"""


@pytest.mark.parametrize("name", SECRET.split())
def test_secret_names(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", [*HARMLESS.split(), "", 3, None, "connection"])
def test_harmless_names(name):
    assert not is_secret_name(name)


class Header(NamedTuple):
    name: str
    value: str


def test_without_secrets_goes_deep_and_copies():
    given_value = {
        "name": "openai:x",
        "api_key": "sk-1234567890",
        "client": {
            "headers": {"Authorization": "Bearer abc", "Accept": "json"},
            "list": [{"token": 1, "max_tokens": 5}],
        },
        "pairs": (Header("X-Any", "Bearer abcdefghijk"), 3),
        "base_url": "https://user:pass@host/v1",
    }
    assert without_secrets(given_value) == {
        "name": "openai:x",
        "client": {"headers": {"Accept": "json"}, "list": [{"max_tokens": 5}]},
        "pairs": (Header("X-Any", "Bearer ***"), 3),
        "base_url": "https://***@host/v1",
    }
    assert given_value["api_key"] == "sk-1234567890"


@given(st.dictionaries(st.sampled_from(SECRET.split()), texts))
def test_nothing_secret_is_left(secrets):
    assert without_secrets({"options": secrets}) == {"options": {}}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abc***xyz. Find yours", "Incorrect API key provided: ***. Find yours"),
        ("Incorrect API key provided: abcd1234.", "Incorrect API key provided: ***."),
        ("Authorization: Bearer eyAbc.def-123_x", "Authorization: Bearer ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("token hf_abcdefghijklmnop refused", "token *** refused"),
        ("key AKIAABCDEFGHIJKLMNOP", "key ***"),
        ("GET https://x.org/v1?key=AIzaSyA1234567890abcdefghijk&alt=sse", "GET https://x.org/v1?key=***&alt=sse"),
        ("GET https://x.org/v1?key=abcdef123&alt=sse", "GET https://x.org/v1?key=***&alt=sse"),
        ("{'api_key': 'abcdef123456', 'max_tokens': 100000}", "{'api_key': '***', 'max_tokens': 100000}"),
        ('{"aws_secret_access_key": "abc/def+123"}', '{"aws_secret_access_key": "***"}'),
        ("password=hunter22 and more", "password=*** and more"),
        ("postgres://me:hunter2@db/x", "postgres://***@db/x"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh", "jwt ***"),
    ],
)
def test_secrets_in_text_are_masked(text, shown):
    assert mask(text) == shown
    assert mask(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Bearer authentication required",
        "This model's maximum context length is 4096 tokens; you asked for max_tokens=50000000",
        "Unexpected token: }",
        "a task-oriented dialog about basic information",
        "risk-averse ask-for-help",
        "http://localhost:11434/api/chat",
    ],
)
def test_ordinary_messages_stay(text):
    assert mask(text) == text


def test_what_is_sent_along_is_known_by_name_only():
    options = {
        "default_headers": {"x-functions-code": "abc123"},
        "default_query": {"sig": "abc123", "api-version": "2"},
    }
    assert without_secrets(options) == {
        "default_headers": {"x-functions-code": "***"},
        "default_query": {"sig": "***", "api-version": "***"},
    }


def test_a_misplaced_key_is_not_in_the_repr_of_sampling_options():
    assert "abc123" not in repr(GenerateConfig.from_kwargs({"openai_api_key": "abc123", "temperature": 0.5}))
