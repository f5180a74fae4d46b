"""Chat templates of different kinds and tokenizers that cut differently, made for tests of spans."""

from __future__ import annotations

from functools import cache
from typing import Any

import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

MARKUP = """
{%- for m in messages -%}
<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}
"""
HEADERS = (
    "<|begin|>{% for m in messages %}<|header|>{{ m.role }}<|/header|>\n\n{{ m.content | trim }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|header|>assistant<|/header|>\n\n{% endif %}"
)
INST = (
    "{% if messages[0].role == 'system' %}{% set given = '<<SYS>>\n' + messages[0].content + '\n<</SYS>>\n\n' %}"
    "{% set rest = messages[1:] %}{% else %}{% set given = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m.role == 'user' %}<s>[INST] {{ (given if loop.first else '') + m.content.strip() }} [/INST]"
    "{% else %} {{ m.content.strip() }} </s>{% endif %}{% endfor %}"
)
TURNS = (
    "<bos>{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
LAST_USER = (  # the system message stands in the last user turn, out of order
    "{% set s = messages[0].content if messages[0].role == 'system' else '' %}"
    "{% set rest = messages[1:] if s else messages %}"
    "{% for m in rest %}{% if m.role == 'system' %}{{ raise_exception('system must be first') }}{% endif %}"
    "{% if m.role == 'user' %}[INST]{% if loop.last and s %}{{ s }}\n\n{% endif %}{{ m.content }}[/INST]"
    "{% else %}{{ m.content }}</s>{% endif %}{% endfor %}"
)
THINKING = """
{%- for m in messages -%}
{%- set said = m.content -%}{%- set thought = m.reasoning_content or '' -%}
{%- if m.role == 'assistant' and '</think>' in said -%}
{%- set thought = said.split('</think>')[0].split('<think>')[-1].strip('\n') -%}
{%- set said = said.split('</think>')[-1].lstrip('\n') -%}
{%- endif -%}
<|im_start|>{{ m.role }}
{% if m.role == 'assistant' and thought -%}
<think>
{{ thought.strip('\n') }}
</think>

{% endif -%}
{{ said }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false -%}
<think>

</think>

{% endif -%}
{% endif -%}
"""
TOOLS = """
{%- if tools -%}
<|im_start|>system
{% if messages[0].role == 'system' -%}{{ messages[0].content }}

{% endif -%}
# Tools
<tools>
{% for t in tools -%}{{ t | tojson }}
{% endfor -%}
</tools><|im_end|>
{% elif messages[0].role == 'system' -%}
<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif -%}
{%- for m in messages -%}
{%- if m.role == 'tool' -%}
<|im_start|>user
<tool_response>
{{ m.content }}
</tool_response><|im_end|>
{% elif m.role == 'assistant' -%}
<|im_start|>assistant
{{ m.content }}
{%- for c in m.tool_calls or [] -%}{%- if m.content or not loop.first %}
{% endif -%}
<tool_call>
{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
</tool_call>
{%- endfor -%}<|im_end|>
{% elif m.role == 'user' or not loop.first -%}
<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}
"""
ARGUMENTS = (  # every argument in a tag of its own, results as JSON texts
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'tool' %}{{ m.content | tojson }}{% else %}{{ m.content }}{% endif %}"
    "{% for c in m.tool_calls or [] %}<function={{ c.function.name }}>"
    "{% for k, v in c.function.arguments.items() %}<parameter={{ k }}>"
    "{{ v if v is string else v | tojson }}</parameter>{% endfor %}</function>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NAMED_AGAIN = (  # the name of a call stands beside its result, too
    "{% for m in messages %}<|im_start|>{{ m.role }}"
    "{% if m.role == 'tool' %} {{ messages[loop.index0 - 1].tool_calls[0].function.name }}{% endif %}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEMPLATES: dict[str, str | None] = {
    "markup": MARKUP,
    "headers": HEADERS,
    "inst": INST,
    "turns": TURNS,
    "plain": None,  # the backend's own "User: ..." lines
    "last-user": LAST_USER,
    "thinking": THINKING,
    "tools": TOOLS,
    "arguments": ARGUMENTS,
    "named-again": NAMED_AGAIN,
}

SPECIAL = [
    "<unk>", "<s>", "</s>", "<bos>", "<|im_start|>", "<|im_end|>", "<|begin|>", "<|header|>", "<|/header|>", "<|eot|>",
    "<start_of_turn>", "<end_of_turn>",
]  # fmt: skip
SENTENCES = [
    "User: I would like a refund for order 4711, please.",
    "Assistant: Of course. The refund of 12.50 euros is on its way to you.",
    "system user assistant model tool: hello there, how are you today? Hello! Thank you very much.",
    "I am fine. 12 cafés, 345 naïve 6789 numbers\n\nand  spaces [INST] [/INST] <<SYS>> <tools> name arguments",
    "Ho ordinato tre tazze e un piatto. Wie geht es Ihnen heute? Merci beaucoup.",
]


@cache
def inner(kind: str) -> Tokenizer:
    """Return a trained tokenizer: ``bytes`` (BPE over bytes), ``across`` (merges over any boundary) or ``prefix``."""
    if kind == "prefix":
        made = Tokenizer(models.Unigram())
        made.normalizer = normalizers.NFKC()
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
        trainer = trainers.UnigramTrainer(
            vocab_size=180, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
        )
        made.train_from_iterator(SENTENCES * 4, trainer)
        made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
        return made
    made = Tokenizer(models.BPE())
    # Without the usual pattern, merges run across spaces, line ends and the words of the template.
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "bytes")
    made.decoder = decoders.ByteLevel()
    if kind == "bytes":
        made.post_processor = processors.ByteLevel(trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(SENTENCES * 4, trainer)
    return made


TOKENIZERS = ("bytes", "across", "prefix")


@cache
def tokenizer(kind: str, template: str) -> Any:
    """Return a transformers tokenizer of a kind with one of the templates."""
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=inner(kind), unk_token="<unk>", eos_token="</s>")
    if TEMPLATES[template] is not None:
        made.chat_template = TEMPLATES[template]
    return made
