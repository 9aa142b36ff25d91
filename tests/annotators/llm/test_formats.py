"""The request bodies are the chat completions API's own, in every response format; the openai SDK is the judge."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from annotators.llm import LLMConfig
from annotators.llm.questions import Questions
from annotators.llm.reading import Good, read_reply
from annotators.llm.strategies import Item
from annotators.llm.wire.formats import FORMATS, simpler
from annotators.llm.wire.transport import Transport
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

_spec = importlib.util.spec_from_file_location("raw_server", Path(__file__).parent / "raw_server.py")
assert _spec is not None
assert _spec.loader is not None
raw = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(raw)

TASKS = [
    Task(name="emotion", kind="multi", taxonomy=load_taxonomy("ekman-neutral"), perspective="intended"),
    Task(name="main", kind="choice", taxonomy=load_taxonomy("ekman-neutral"), perspective="reader"),
]
PARAMS = {"temperature": 0.3, "max_tokens": 50, "top_p": 0.9, "seed": 7, "frequency_penalty": 0.1}


def request(params=PARAMS, tasks=TASKS, text="a quiet day \u2028 “über” 😀"):
    config = LLMConfig(name="a", model="gpt-4o", params=params, base_url="http://127.0.0.1:9/v1")
    (questions,) = Questions.groups(config, tasks)
    return questions, questions.ask(Item(text), 0)


def body(form, **more):
    return json.loads(request(**more)[1].body(form))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("params", [PARAMS, {"max_completion_tokens": 90, "reasoning_effort": "low"}])
def test_a_body_is_a_request_of_the_openai_sdk_and_holds_nothing_else(form, params):
    sent = body(form, params=params)
    adapter = TypeAdapter(CompletionCreateParamsNonStreaming)
    adapter.validate_python(sent)
    assert set(sent) <= set(CompletionCreateParamsNonStreaming.__annotations__) | _inherited()
    with pytest.raises(ValueError):
        adapter.validate_python(sent | {"messages": 3})


def _inherited():
    return {name for base in CompletionCreateParamsNonStreaming.__orig_bases__ for name in base.__annotations__}


@pytest.mark.parametrize("form", FORMATS)
def test_the_openai_client_sends_the_same_json(form):
    _, one = request()

    async def both():
        async with raw.RawServer(raw.http(200, raw.GOOD, "Content-Type: application/json")) as server:
            async with Transport(server.url, "k", model="m", concurrency=1) as transport:
                transport.response_format = form
                await transport.ask(one.body)
            async with openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
                await client.chat.completions.create(**json.loads(one.body(form)))
            return server.requests

    (our_head, ours), (their_head, theirs) = asyncio.run(both())
    assert json.loads(ours) == json.loads(theirs)
    assert our_head.splitlines()[0] == their_head.splitlines()[0] == "POST /v1/chat/completions HTTP/1.1"
    for line in ("authorization: bearer k", "content-type: application/json"):
        assert line in our_head.lower()
        assert line in their_head.lower()


def completion(message, finish="stop"):
    return json.dumps(
        {
            "id": "c", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "finish_reason": finish, "logprobs": None,
                         "message": {"role": "assistant", "refusal": None} | message}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
        }
    ).encode()  # fmt: skip


def called(arguments, name="annotation"):
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return completion({"content": None, "tool_calls": [call]}, "tool_calls")


ANSWER = '{"emotion": {"labels": ["joy"]}, "main": {"label": "joy"}}'


def test_a_tool_calls_arguments_are_read_like_an_answer():
    questions, _ = request()
    answer = called(ANSWER)
    ChatCompletion.model_validate_json(answer, strict=True)
    reply = read_reply(answer)
    assert reply is not None
    assert reply.content == ANSWER
    assert reply.finish_reason == "tool_calls"
    plain = questions.read(completion({"content": ANSWER}), Item("x"), 0, "json_schema")
    assert questions.read(answer, Item("x"), 0, "tool") == plain
    assert isinstance(plain, Good)


def test_a_tool_call_with_broken_arguments_is_an_unusable_answer_and_not_a_crash():
    questions, _ = request()
    for arguments in ("", "{", "[1]", '{"labels": 3}'):
        assert not isinstance(questions.read(called(arguments), Item("x"), 0, "tool"), Good)


def test_the_stubs_answers_are_chat_completions_in_every_format(stub, run):
    for form in FORMATS:
        server = stub(formats=[form])
        output = run(["one", "two"], base_url=server.url, concurrency=1, store=f"{form}.sqlite")
        assert output.annotations.height == 2
        # Each simpler format was tried once, and what the server understood was remembered for the run.
        assert [line["format"] for line in server.lines()] == [*FORMATS[: FORMATS.index(form) + 1], form]


@pytest.mark.parametrize(
    ("form", "said", "then"),
    [
        ("json_schema", "Invalid parameter: 'response_format' of type 'json_schema' is not supported.", "tool"),
        ("json_schema", "This response_format type is unavailable now", "tool"),
        ("json_schema", "Invalid schema for response_format 'annotation'", "tool"),
        ("json_schema", "failed to parse grammar", "tool"),
        ("json_schema", "guided decoding backend does not support structured outputs", "tool"),
        ("tool", "registry.ollama.ai/library/gemma3:270m does not support tools", "json_object"),
        ("tool", '"auto" tool choice requires --enable-auto-tool-choice', "json_object"),
        ("tool", "Unsupported value: functions are not available", "json_object"),
        ("json_object", "response_format is not supported", "text"),
        ("json_schema", "This model's maximum context length is 8192 tokens", None),
        ("tool", "max_tokens is too large", None),
        ("text", "response_format", None),
    ],
)  # fmt: skip
def test_servers_say_in_their_own_words_what_they_do_not_know(form, said, then):
    answer = json.dumps({"error": {"message": said}}).encode()
    assert simpler(form, 400, answer) == then
    assert simpler(form, 500, answer) is None


def test_the_format_is_not_in_the_key():
    _, one = request()
    key = one.key
    assert {one.body(form) for form in FORMATS}
    assert one.key == key
    assert len({one.body(form) for form in FORMATS}) == len(FORMATS)
