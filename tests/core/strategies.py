"""Dialogs of every shape, for properties that hold for all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from sdialog import Dialog, Event, Turn

# Pieces that formats trip over, more often than chance would bring them.
AWKWARD = st.sampled_from(
    ["", " ", ": ", "\n", "\r\n", "\r", "\t", ",", '"', '""', "\\", "\\n", '\\{"speaker": null, "text": "x"}', "a: b",
     "\ufeff", "\u2028", "\x85", "\x00", "\x1c", "\x1f", "\x0c", "é", "日本語", "🙂", "\u200b", "{text}", "%s", "#",
     "[", "None", "null", "NaN", "NA", "speaker", "text", "-", "'", "=1+1", "<|im_end|>"]
)  # fmt: skip
texts = st.lists(AWKWARD | st.text(max_size=12), max_size=4).map("".join)
speakers = st.none() | st.sampled_from(["Ann", "Bob", "", "Dr. X", "a: b", " ", "É"]) | texts
turns = st.lists(st.builds(Turn, speaker=speakers, text=texts), max_size=6)

plain_data = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(texts, plain_data, max_size=3)
events = st.lists(
    st.builds(
        Event,
        agent=speakers,
        action=st.sampled_from(["utter", "think", "tool", "instruct", "instruct-persist"]) | texts,
        actionLabel=st.none() | texts,
        content=texts | records | st.lists(plain_data, max_size=2),
        timestamp=st.integers(0, 2**40),
    ),
    max_size=6,
)
dialogs = st.builds(
    Dialog,
    id=st.none() | st.integers(-5, 2**40) | texts,
    parentId=st.none() | st.integers(0, 9) | texts,
    timestamp=st.none() | texts,
    model=st.none() | texts | records,
    seed=st.none() | st.integers(0, 2**63 - 1),
    complete=st.none() | st.booleans(),
    personas=st.none() | st.dictionaries(texts, plain_data, max_size=2),
    context=st.none() | texts | records,
    scenario=st.none() | texts | records,
    turns=st.none() | turns,
    events=st.none() | events,
    annotations=st.none() | texts | records,
    notes=plain_data,
    stopReason=st.none() | texts,
    models=st.none() | st.dictionaries(texts, records, max_size=2),
)
