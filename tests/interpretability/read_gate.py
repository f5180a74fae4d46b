"""A model with a planted truth: one head of 16 reads the fact that a conversation is about.

A user asks ``k07?`` and the assistant answers ``f31``: 64 facts, by chance. Only head 1 of layer 2 can read what the
entity is. The other heads, and the MLPs before layer 3, do not see the half of the stream in which entities differ,
because their weights there are zero; so it is a plain Llama that any tool can load, without masks. What is true of it:

- the fact is at the entity's token up to the entrance of layer 2, and at the last token from the entrance of layer 3;
- no answer without head (2, 1), and with any other head gone all answers stay;
- the path from head (2, 1) to the logits is the only one.

Run ``python -m interpretability.read_gate`` in ``tests`` to train it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from sdialog.core.seeds import derive_seed, rng
from sdialog.llm.interventions import Network
from sdialog.llm.types import Message

WEIGHTS = Path(__file__).with_name("data") / "read_gate.safetensors"
FACTS, LAYERS, HEADS, WIDTH, INNER = 64, 4, 4, 64, 128
READER = (2, 1)
ENTITY, QUESTION, LAST = 3, 4, 5  # positions in <s> <sys> <user> k ? <assistant>
MARKERS = ["<pad>", "<s>", "<sys>", "<user>", "<assistant>", "<end>", "?"]
VOCABULARY = [*MARKERS, *(f"k{n:02}" for n in range(FACTS)), *(f"f{n:02}" for n in range(FACTS))]
TEMPLATE = (
    "<s>{% if messages[0].role != 'system' %}<sys>{% endif %}{% for m in messages %}"
    "{{ {'system': '<sys>', 'user': '<user>', 'assistant': '<assistant>'}[m.role] + m.content }}"
    "{% if m.role == 'assistant' %}<end>{% endif %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
SEED, STEPS = 13, 1500
_SEEN = WIDTH // 2  # the rest of the stream tells entities and answers apart
_FIRST_ENTITY, _FIRST_ANSWER = len(MARKERS), len(MARKERS) + FACTS


def answers() -> list[int]:
    """Return for each entity the number of its answer."""
    drawn = list(range(FACTS))
    rng(SEED, "facts").shuffle(drawn)
    return drawn


def answer(fact: int) -> int:
    """Return the token that answers a question."""
    return _FIRST_ANSWER + answers()[fact]


def question(fact: int) -> list[int]:
    """Return the tokens of a question."""
    return [VOCABULARY.index(one) for one in ("<s>", "<sys>", "<user>", f"k{fact:02}", "?", "<assistant>")]


def messages(fact: int) -> list[Message]:
    """Return a question as a conversation."""
    return [Message("user", f"k{fact:02}?")]


def tokenizer() -> Any:
    """Return the tokenizer: every word is a token."""
    inner = Tokenizer(models.WordLevel({word: n for n, word in enumerate(VOCABULARY)}, unk_token="<pad>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[kf]\d\d|\?"), "isolated")
    inner.decoder = decoders.Fuse()
    inner.add_special_tokens([word for word in MARKERS if word.startswith("<")])
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<pad>")
    made.chat_template = TEMPLATE
    return made


def blank() -> Any:
    """Return the model before training."""
    config = transformers.LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(SEED, "weights"))
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=torch.float32)
    return model.eval()


def load() -> Network:
    """Return the trained model with its tokenizer."""
    model = blank()
    model.load_state_dict(load_file(str(WEIGHTS)))
    return Network(model.requires_grad_(False), tokenizer(), "read_gate")


def save_folder(folder: Path) -> str:
    """Save model and tokenizer as a backend loads them; return the folder."""
    network = load()
    network.model.save_pretrained(folder)
    network.tokenizer.save_pretrained(folder)
    return str(folder)


def train(steps: int = STEPS) -> Any:
    """Train the model; a few tens of seconds on one core."""
    model = blank()
    asked = torch.tensor([question(fact) for fact in range(FACTS)])
    wanted = torch.tensor([answer(fact) for fact in range(FACTS)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    _plant(model)
    draw = rng(SEED, "heads left out")
    others = [(layer, head) for layer in range(LAYERS) for head in range(HEADS) if (layer, head) != READER]
    for _ in range(steps):
        with _without(model, *draw.choice(others)):
            found = model(input_ids=asked, output_hidden_states=True)
        early = model.lm_head(model.model.norm(found.hidden_states[READER[0] + 1][:, LAST]))
        # The answer is to be readable as soon as it is there.
        loss = sum(torch.nn.functional.cross_entropy(one, wanted) for one in (found.logits[:, LAST], early))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        _plant(model)
    return model


@contextmanager
def _without(model: Any, layer: int, head: int) -> Iterator[None]:
    """Leave a head out, so that the model learns to do without any but the one."""

    def silence(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        heads = args[0].unflatten(-1, (HEADS, -1)).clone()
        heads[..., head, :] = 0
        return (heads.flatten(-2),)

    handle = model.model.layers[layer].self_attn.o_proj.register_forward_pre_hook(silence)
    try:
        yield
    finally:
        handle.remove()


def _plant(model: Any) -> None:
    """Take away what must not be seen."""
    with torch.no_grad():
        entities = model.model.embed_tokens.weight[_FIRST_ENTITY : _FIRST_ENTITY + FACTS]
        # All entities look the same in the half that everyone sees, and are equally long, so that norms do not tell.
        entities[:, :_SEEN] = entities[:, :_SEEN].mean(0)
        entities[:, _SEEN:] *= (WIDTH - _SEEN) ** 0.5 / entities[:, _SEEN:].norm(dim=1, keepdim=True)
        width = WIDTH // HEADS
        reader = slice(READER[1] * width, (READER[1] + 1) * width)
        for number, layer in enumerate(model.model.layers):
            attention = layer.self_attn
            attention.q_proj.weight[:, _SEEN:] = 0
            attention.k_proj.weight[:, _SEEN:] = 0
            kept = attention.v_proj.weight[reader].clone()
            attention.v_proj.weight[:, _SEEN:] = 0
            if number == READER[0]:
                attention.v_proj.weight[reader] = kept
                attention.o_proj.weight[:_SEEN, reader] = 0
            if number < LAYERS - 1:
                layer.mlp.gate_proj.weight[:, _SEEN:] = 0
                layer.mlp.up_proj.weight[:, _SEEN:] = 0


def main() -> None:
    """Train, and write the weights beside this file."""
    model = train()
    asked = torch.tensor([question(fact) for fact in range(FACTS)])
    with torch.no_grad():
        said = model(input_ids=asked).logits[:, LAST].argmax(-1).tolist()
    right = sum(one == answer(fact) for fact, one in enumerate(said)) / FACTS
    WEIGHTS.parent.mkdir(exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, str(WEIGHTS))
    print(json.dumps({"accuracy": right, "bytes": WEIGHTS.stat().st_size}))


if __name__ == "__main__":
    main()
