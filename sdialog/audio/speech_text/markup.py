"""What is written but not said: markup, stage directions, emoji."""

from __future__ import annotations

import html
import re
import unicodedata

from sdialog.audio.speech_text.spoken import Draft

_FENCE = re.compile(r"```[^\n`]*\n?|```")
_TAG = re.compile(r"</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>|<!--.*?-->", re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,31});")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^)\s]*\)")
_LINK = re.compile(r"\[([^\]\n]+)\]\([^)\s]*\)")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_STRUCK = re.compile(r"~~(?=\S)(.+?)(?<=\S)~~")
_LINE_MARK = re.compile(r"(?m)^[ \t]*(?:#{1,6}|>+|[-+*•])[ \t]+")
_EVENT = re.compile(r"\[[^\[\]\n]{1,60}\]")
_STARRED = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]{1,120}?)(?<=\S)\*(?![\w*])")
_BRACKETED = re.compile(r"\(([^()\n]{1,60})\)")
_SLANTED = re.compile(r"(?<!\w)_(?=[^\s_])([^_\n]{1,120}?)(?<=\S)_(?!\w)")
_SMILEY = re.compile(r"(?<!\S)(?:[:;=8][-o']?[)(DPpO3|/\\*]|<3|[xX]D|\^_\^)(?=[\s.,!?]|$)")

# Stems of what people do with their voice or body between stars or round brackets.
_ACTIONS = re.compile(
    r"\b(?:laugh|giggl|chuckl|sigh|cough|clear|sniff|gasp|groan|smil|nod|shrug|paus|whisper|shout|yawn|cr(?:y|ies|ying)\b"
    r"|sob|grin|wink|frown|lean|look|wave|waving|mumbl|mutter|hum|snort|breath|inhal|exhal|sneez|silence|beat\b|typing"
    r"|background|music|applause|rires?\b|rit\b|soupir|lacht|seufzt|r[ií]e\b|suspira|ride\b|sospira)",
    re.IGNORECASE,
)
_VERB = re.compile(r"^[a-z]+(?:s|ing|ed)(?:\s+(?:softly|loudly|quietly|nervously|gently|\w+ly))?$")


def drop_markup(draft: Draft) -> None:
    """Take Markdown, HTML and SSML-like tags away and keep what they enclose; entities become their characters."""
    draft.rewrite(_FENCE, lambda match: " ")
    draft.rewrite(_TAG, lambda match: " " if re.match(r"</?(?:br|p|div|li|tr|td|h\d|break)\b", match[0]) else "")
    draft.rewrite(_ENTITY, _entity)
    for pattern in (_IMAGE, _LINK, _CODE, _STRUCK):
        draft.rewrite(pattern, lambda match: match[1])
    draft.rewrite(_STRONG, lambda match: match[2])
    draft.rewrite(_LINE_MARK, lambda match: "")


def _entity(match: re.Match[str]) -> str | None:
    made = html.unescape(match[0])
    return None if made == match[0] else made


def drop_directions(draft: Draft) -> None:
    """Take stage directions away: ``[cough]``, ``*laughs*``, ``(sighs)``; emphasised words stay.

    Whatever is in square brackets goes. Between single stars an action (one verb in the third person, or words that
    name a sound or a gesture) goes and other words are emphasis; round brackets lose known actions alone.
    """
    draft.rewrite(_EVENT, lambda match: " ")
    draft.rewrite(_STARRED, lambda match: " " if _is_action(match[1], starred=True) else match[1])
    draft.rewrite(_BRACKETED, lambda match: " " if _is_action(match[1]) else None)
    draft.rewrite(_SLANTED, lambda match: match[1])


def _is_action(words: str, starred: bool = False) -> bool:
    few = len(words.split()) <= (12 if starred else 4)
    return few and bool(_ACTIONS.search(words) or (starred and _VERB.match(words)))


def read_emoji(draft: Draft, named: bool = False) -> None:
    """Drop emoji and smileys, or say their names.

    Args:
        draft: the text.
        named: say the Unicode name in English, as in "thumbs up sign".
    """
    if not named:
        draft.rewrite(_SMILEY, lambda match: "")
    draft.rewrite(_EMOJI, lambda match: f" {_emoji_name(match[0])} " if named else " ")


def _emoji_name(symbols: str) -> str:
    names = []
    for symbol in symbols:
        name = unicodedata.name(symbol, "").lower()
        if name and not name.startswith(("variation selector", "zero width", "emoji modifier", "regional", "tag ")):
            names.append(name)
    return " ".join(names)


_PICTURES = (
    "\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u231a-\u23ff\u25aa-\u25fe\u2190-\u21ff\u3030\u303d\u3297\u3299"
    "\u00a9\u00ae\u2122"
)
_EMOJI = re.compile(
    f"[{_PICTURES}](?:[\ufe0e\ufe0f\u200d\u20e3\U000e0020-\U000e007f{_PICTURES}])*|[#*0-9]\ufe0f?\u20e3"
)
