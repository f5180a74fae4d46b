"""Choosing among the tokens of a conversation: selectors, and the language in which they are written."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interpretability.renderings import TALK, plain, replied, text_of

from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.interpretability.spans import (
    Span,
    characters,
    choices,
    content,
    everything,
    explain,
    first,
    generated,
    last,
    last_prompt,
    message,
    part,
    prompt,
    regex,
    role,
    speaker,
    special,
    turn,
    words,
)
from sdialog.interpretability.tokens.rendering import Rendering
from sdialog.llm.types import Message


@pytest.fixture(scope="module")
def talk() -> Rendering:
    return replied("No, sorry. 12 refunds<|im_end|>", name="markup")


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (turn(0), TALK[1].content),
        (turn(-1), TALK[3].content),
        (turn(-2), "Which order?"),
        (message(0), "You are Ava."),
        (message(-1), TALK[3].content),
        (speaker("Ann"), TALK[1].content + TALK[3].content),
        (speaker("Ava") & prompt, "Which order?"),
        (role("system"), "You are Ava."),
        (content & turn(1), "Which order?"),
        (characters(0, 1) & turn(0), "I"),
        (regex(r"\d+") & turn(-1), " 4711"),
        (regex("order 4") & turn(0), " order 4711"),
        (regex(r"^.*$") & turn(1), "Which order?"),
        (words("REFUND") & prompt, " refund refund"),
        (words("refund") & generated, ""),
        (words("I said", "which") & prompt, "Which I said"),
        (part("generation_prompt"), "<|im_start|>assistant\n"),
        (generated, "No, sorry. 12 refunds<|im_end|>"),
        (generated & special, "<|im_end|>"),
        (generated & content, "No, sorry. 12 refunds"),
        (first(1), "<|im_start|>"),
        (last(1), "<|im_end|>"),
        (turn(0)[0:1] | turn(0)[-1:], "I."),
        ((turn(0) | turn(1))[1:][:1], " w"),
        (message(4) & content, "No, sorry. 12 refunds"),
        (~prompt & ~special, "No, sorry. 12 refunds"),
    ],
    ids=str,
)
def test_selectors(talk, span, text):
    assert text_of(talk, span) == text
    assert Span.parse(str(span)) == span
    assert span.mask(talk) == Span.parse(span.json()).mask(talk)


def test_positions(talk):
    places = {str(one): [at for at, chosen in enumerate(one.mask(talk)) if chosen] for one in (last_prompt, choices)}
    assert places["last_prompt"] == [talk.prompt - 1]
    assert places["choices"] == list(range(talk.prompt - 1, len(talk)))
    assert all(everything.mask(talk)) and sum(prompt.mask(talk)) == talk.prompt
    assert sum(special.mask(talk)) == talk.text.count("<|im_") + 1


def test_matches_run_over_the_ends_of_tokens():
    found = plain(messages=(Message("user", "zqzqzq 4711"),))
    assert sum(regex("qzq").mask(found)) > 1
    assert not any(regex("im_start").mask(found)), "templates are not searched"


def test_a_span_of_nothing_says_what_there_is(talk):
    assert turn(0).require(talk) == turn(0).mask(talk)
    with pytest.raises(
        UserError, match=r"turn\(7\).*3 turns \(0 to 2.*roles: system, user, assistant; speakers: Ann, Ava"
    ):
        turn(7).require(talk)


def test_explanations_show_the_conversation(talk):
    shown = explain(talk, "turn(-1) & words(refund) | generated[0:1]")
    assert "A[ refund]!<|im_end|>" in shown and shown.endswith("[N]o, sorry. 12 refunds<|im_end|>")
    emoji = plain(messages=(Message("user", "a猫b"),))
    assert "a[猫]b" in explain(emoji, "characters(1, 2)")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("turn(", "at character 5: expected a number or a text, found the end"),
        ("turn(-1) content", "at character 9: expected & or | or the end"),
        ("content[0]", "expected ':'"),
        ("content $", "unexpected '\\$'"),
        ("turn(Ann)", "takes a whole number"),
        ("speaker(3)", 'quote it: speaker\\("3"\\)'),
        ("content()", "expected a number or a text"),
        ("prompt(1)", "takes no arguments"),
        ('regex("(")', "no regular expression"),
        ('regex("\\d")', "a backslash is doubled"),
        ("characters(4, 2)", "larger end"),
        ("last(0)", "at least 1"),
        ('words("")', "not empty"),
        ("", "expected a span"),
        ("(" * 500, "too many levels"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_place(text, error):
    with pytest.raises(ConfigError, match=error):
        Span.parse(text)


@pytest.mark.parametrize("text", ["contend", "role(usr)", "part(thinking)"])
def test_unknown_names_are_refused_with_near_ones(text):
    with pytest.raises(UnknownNameError, match=r"did you mean|known"):
        Span.parse(text)


def test_spans_are_no_sequences():
    with pytest.raises(ConfigError, match="sliced as"):
        content[0:4:2]
    with pytest.raises(ConfigError, match="sliced as"):
        content[0]  # type: ignore[index]
    with pytest.raises(TypeError):
        list(content)  # type: ignore[call-overload]


NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(["Ann", "d'Artagnan", 'a"b', "a\\", "Ann Lee", "猫", "7"])
PATTERNS = st.sampled_from([r"\d+", r"a|b", '"x"', "'", r"\\", r"\"", "a\n", "é", r"\w+\s", "/"])
LEAVES = (
    st.sampled_from([everything, prompt, generated, content, special, last_prompt, choices])
    | st.builds(turn, st.integers(-4, 4))
    | st.builds(message, st.integers(-4, 4))
    | st.builds(speaker, NAMES)
    | st.builds(speaker, st.just("Ava"))
    | st.builds(role, st.sampled_from(["system", "user", "assistant", "tool"]))
    | st.builds(part, st.sampled_from(["template", "content", "think", "tools", "generation_prompt"]))
    | st.builds(lambda start, length: characters(start, start + length), st.integers(0, 9), st.integers(1, 9))
    | st.builds(regex, PATTERNS)
    | st.lists(NAMES, min_size=1, max_size=3).map(lambda names: words(*names))
    | st.builds(first, st.integers(1, 90))
    | st.builds(last, st.integers(1, 90))
)
BOUNDS = st.none() | st.integers(-5, 60)
SPANS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda one, other: one & other, inner, inner)
        | st.builds(lambda one, other: one | other, inner, inner)
        | st.builds(lambda one: ~one, inner)
        | st.builds(lambda one, start, stop: one[start:stop], inner, BOUNDS, BOUNDS)
    ),
    max_leaves=5,
)


@settings(max_examples=300)
@given(SPANS)
def test_expressions_read_back_as_they_were_written(span):
    assert Span.parse(str(span)) == span
    assert hash(Span.parse(str(span))) == hash(span)
    assert Span.parse(span) is span


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(span=SPANS)
def test_what_is_known_while_a_reply_runs_holds_at_its_end(talk, span):
    bare = talk.without_reply()
    mask = span.mask(talk)
    running = [span.generated(k, talk.prompt, bare) for k in range(len(talk) - talk.prompt)]
    blind = [span.generated(k, talk.prompt) for k in range(len(talk) - talk.prompt)]
    for known, unseen, meant in zip(running, blind, mask[talk.prompt :], strict=True):
        assert known in (None, meant) and unseen in (None, meant)
    when = span.when_known()
    if when != "end":
        assert None not in running and span.settled
    if span.settled:
        assert span.mask(bare) == mask[: talk.prompt], "edits of the prompt do not change with the reply"
    if when == "prompt":
        assert not any(running)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=SPANS, other=SPANS)
def test_spans_obey_the_laws_of_sets(talk, one, other):
    assert (~(one & other)).mask(talk) == (~one | ~other).mask(talk)
    assert (~~one).mask(talk) == one.mask(talk) == one[:].mask(talk)
    assert sum(one[:3].mask(talk)) + sum(one[3:].mask(talk)) == sum(one.mask(talk))


@pytest.mark.parametrize(
    ("span", "when"),
    [
        ("turn(-1) & content", "prompt"),
        ("prompt[-3:]", "prompt"),
        ("last_prompt", "prompt"),
        ("role(user)", "prompt"),
        ("~generated", "prompt"),
        ("generated[0:5]", "running"),
        ("choices", "running"),
        ("speaker(Ava)", "running"),
        ("~turn(-1)", "running"),
        ("turn(3)", "running"),
        ("generated[-2:]", "end"),
        ("content", "end"),
        ("prompt & last(3)", "end"),
        ("prompt & everything[-3:]", "end"),
        ("regex(a) | generated & special", "end"),
    ],
)
def test_when_it_is_known(span, when):
    assert Span.parse(span).when_known() == when
