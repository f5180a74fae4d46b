"""Does a turn show what went on behind it: reasoning, stage directions, the prompt?"""

# ruff: noqa: E501 - a cue reads best on one line

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from sdialog.evaluation.integrity.base import Fault, IntegrityDetector
from sdialog.evaluation.integrity.talk import Talk

# One of these is enough.
_SURE = (
    ("a tag of reasoning", r"</?\s*(?:think|thinking|thought|thoughts|reason|reasoning|scratchpad|reflection|reflect|analysis|plan|planning|inner\w*|internal\w*|monologue|deliberation)\s*/?>"),
    ("a mark of a chat template", r"<\|[a-z_]+\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|^#{2,4} ?(?:instructions?|response|input|system|assistant|user|answer)\b:?"),
    ("says it is a model", r"\bas an? (?:(?:AI|artificial intelligence)(?: (?:language|chat|assistant|model|program|system|bot|chatbot)\w*)*|(?:large |generative )?language model)(?: (?:trained|developed|created|made|built) (?:on|by)[^,.]{0,60})?(?:,| I\b|\.|$)"),
    ("says it is a model", r"\b(?:I'm|I am) (?:just |only |merely |simply )(?:an? )?(?:AI|artificial intelligence|bot|chatbot|computer program|language model)\b|\b(?:I'm|I am) an? (?:AI |large |generative )*language model\b|\b(?:trained|developed|created) by (?:OpenAI|Anthropic|Google|Meta|Mistral|Alibaba)\b"),
    ("a heading of reasoning", r"(?:^|\n|[.!?] )[\[(*]*(?:thoughts?|thinking|reasoning|chain of thought|scratch ?pad|(?:inner|internal) (?:monologue|thoughts?|note|reasoning|dialogue)|thought process|system (?:prompt|message|note)|draft (?:reply|response)|final (?:answer|response|reply)|out of character|ooc)[\])*]*:"),
    ("part of a prompt", r"\b(?:stay|remain|keep|staying) in character\b|\b(?:do not|don't|never|without) break(?:ing)? (?:the |your )?character\b|\byour (?:role|task|job|goal|objective|persona) is to (?:act|play|answer|respond|reply|simulate|help the|assist the|write|role)|\brespond (?:only|as|in character|with only)\b|\bsystem prompt\b"),
    ("part of a prompt", r"\b(?:my|your|the|this) (?:persona|instructions|prompt|guidelines)\b[^.!?\n]{0,20}\b(?:says?|said|states?|tells?|told|requires?|should|must)\b|\b(?:according to|based on|as per|following|given) (?:my|the|your) (?:persona|instructions|prompt|system|scenario)\b"),
    ("a call in place of speech", r"^\s*(?:```\w*\s*)?\{\s*\"(?:name|tool|tool_name|function|arguments|action|thought|speaker|role|text|content|response|message)\"\s*:|</?tool_call>|<function"),
)  # fmt: skip

# Of these it takes two different ones: each may be said by people who talk of one another.
_WHO = r"(?:user|customer|client|caller|human|person|agent|assistant|patient|guest|speaker)"
_HINTS = (
    rf"\bthe {_WHO}(?:'s| is| has| wants?| seems?| asked| asks| said| says| needs?| sounds?| just| did| might| may| appears?| does)\b|\bto the {_WHO}\b",
    rf"\b(?:greet|ask|tell|thank|answer|acknowledge|reassure|inform|address|help|calm|offer) the {_WHO}\b",
    r"\bI (?:should|need to|must|have to|will|ought to|am supposed to|'m supposed to)(?: now| first| then)? (?:respond|reply|greet|acknowledge|apologi[sz]e|clarify|sound|act|stay|avoid|express|mention|keep (?:it|my)|not (?:mention|reveal|say)|ask (?:for|about|whether)|provide|offer|answer|be (?:polite|brief|rude|patient|helpful|concise))\b",
    r"\bI should\b",
    r"\bmy (?:next )?(?:response|reply|answer|utterance|line|message) (?:should|must|needs? to|will|has to)\b|\bthe (?:response|reply|answer|utterance) (?:should|must|needs? to)\b",
    r"(?:^|\n|[.!?] )\W*(?:step \d+|step one|first)[:,]? (?:I|we) (?:should|need|must|have|will)\b",
    r"\bstep \d\W[^.]*\bI\b[^.]*\.?\s*step \d",
    r"\blet(?:'s| us) think step by step\b|\bstep by step\b|(?:^|\n)(?:okay|ok|alright|hmm|so)[,.]? (?:so )?(?:the|let me think|I need to respond)\b",
    r"(?:^|\n)\W*(?:plan|action|observation|analysis|response|reply|answer|note|goal|output|instructions?|context):",
    r"\(note:|\bunder \d+ words\b|\bin (?:one|two|\d+) sentences?\b|\bat most \d+ (?:words|sentences)\b|\bword limit\b",
    rf"^\W*you are (?:an? |the )[^.!?\n]{{0,80}}\b{_WHO}\b|\bact as an? \w+|\bplay(?:ing)? the role of\b|\brole-?play(?:ing)? as\b|\b(?:as|like) the {_WHO}\b",
    r"\b(?:reveal|disclose|mention) (?:my|the) (?:goal|persona|intent\w*)\b|\bmy (?:instructions|prompt|persona|character|role)\b",
)  # fmt: skip
# No turn takes long: plans about what to say come first.
_LONGEST = 4000
_SURE_CUES = [(sign, re.compile(cue, re.IGNORECASE | re.MULTILINE)) for sign, cue in _SURE]
_HINT_CUES = [re.compile(cue, re.IGNORECASE) for cue in _HINTS]

# *sighs*, (smiles warmly), [pauses]: a verb of a third person that stands by itself, not within a sentence.
_STAGE = re.compile(
    r"(?:^|[.!?…,\n]\s*|\s)(?:\*{1,2}([^*\n]{3,80})\*{1,2}|\(([^()\n]{3,80})\)|\[([^\[\]\n]{3,80})\])(?=\s*(?:$|\n|[A-Z\"“*.!?…]))"
)
_BEFORE = re.compile(r"[.!?…\"”*)\]\n]\s*$")
_VERB = re.compile(r"(?:[a-z]+ly )?([a-z]+(?:[^su'\W]s|ing))(?= |$|,)", re.IGNORECASE)
_NO_STAGE = frozenset({
    "includes", "excludes", "plus", "applies", "costs", "starts", "terms", "opens", "closes", "means",
    "depends", "varies", "takes", "works", "needs", "comes", "goes", "sounds", "looks", "does", "was", "has",
    "this", "its", "his", "is", "as", "us", "yes", "always", "perhaps", "thanks", "sometimes", "besides",
    "towards", "prices", "days", "hours", "minutes", "weeks", "months", "years", "items", "things", "people",
    "ones", "including", "excluding", "starting", "depending", "during", "according", "morning", "evening",
    "nothing", "anything", "everything", "something", "being", "having", "using", "pending", "regarding",
    "kings", "rings", "strings", "wings", "spring", "string", "king", "ring", "thing", "bring", "sing", "wing",
})  # fmt: skip


class LeakedReasoningDetector(IntegrityDetector):
    """Finds turns that show what should stay behind them.

    Tags and headings of reasoning, marks of chat templates, "As an AI language model, ...", stage directions such as
    ``*sighs*``, the text of a prompt, calls written out as JSON, and plans about the conversation ("The user wants X, I
    should reply Y"). Wording that people use of each other too, such as "the customer wants" or "I should", counts only
    in the company of more of it.

    Args:
        name: what it is called in tables.
        ai_speaker: count only the faults of this speaker.
        stage_directions: whether these are faults.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> def found(text):
        ...     return LeakedReasoningDetector()(Dialog(turns=[Turn(speaker="Bot", text=text)]))
        >>> found("As an AI language model, I never sleep."), found("As an AI company we never sleep.")
        (1, 0)
        >>> found("The user is upset. I should apologize."), found("I should ask my wife.")
        (1, 0)
    """

    kind = "leaked_reasoning"
    english: ClassVar[bool] = True

    def __init__(
        self, name: str | None = None, ai_speaker: str | None = None, *, stage_directions: bool = True
    ) -> None:
        super().__init__(name, ai_speaker)
        self.stage_directions = stage_directions

    def find(self, talk: Talk) -> Iterator[Fault]:
        """Yield a fault for each turn that shows too much."""
        for number in talk.spoken:
            text = talk.texts[number].replace("’", "'")
            found = _leak(text, talk.own_words[number]) or (_stage_direction(text) if self.stage_directions else None)
            if found is not None:
                yield Fault(number, talk.labels[number], *found)


def _leak(text: str, own: str) -> tuple[str, str] | None:
    # JSON is all quotation marks, so tags and calls are looked for in the whole text.
    for sign, cue in _SURE_CUES:
        found = cue.search(text if sign.startswith("a ") else own)
        if found is not None:
            return sign, found[0].strip()
    spans = [(*found.span(), place) for place, cue in enumerate(_HINT_CUES) for found in cue.finditer(own[:_LONGEST])]
    apart: dict[int, str] = {}
    end = 0
    for start, stop, place in sorted(spans, key=lambda span: (span[1], -span[0])):
        if start >= end:  # "I should" within "I should reply" is one hint, not two
            apart.setdefault(place, own[start:stop].strip())
            end = stop
    return ("plans what to say", " ... ".join(apart.values())) if len(apart) > 1 else None


def _stage_direction(text: str) -> tuple[str, str] | None:
    for match in _STAGE.finditer(text):
        inside = next(group for group in match.groups() if group)
        opening = text[: match.end() - len(inside) - 2].rstrip("*([ ")
        if opening and not _BEFORE.search(opening):
            continue
        verb = _VERB.match(inside.strip())
        if verb is not None and verb[1].lower() not in _NO_STAGE and len(inside.split()) <= 10:
            return "a stage direction", inside.strip()
    return None
