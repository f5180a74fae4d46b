"""Which characters of a text each of its tokens holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sdialog.core.errors import UserError

Offsets = list[tuple[int, int]]

_CONTEXT = 4  # tokens decoded before a piece, so that a tokenizer that drops the first space drops it there
_BROKEN = "\ufffd"


def prompt_offsets(tokenizer: Any, text: str, ids: Sequence[int]) -> Offsets:
    """Return the first character and the one after the last of each token of a prompt.

    Tokens that are parts of one character get that character each; tokens that stand for no text, such as a beginning
    that the tokenizer adds, get an empty range. A space before a word belongs to the token of the word.

    Args:
        tokenizer: a transformers tokenizer.
        text: the prompt.
        ids: its tokens.

    Raises:
        UserError: if the tokens are not those of the text.
    """
    if getattr(tokenizer, "is_fast", False):
        for special in (False, True):
            cut = tokenizer(text, add_special_tokens=special, return_offsets_mapping=True, verbose=False)
            if list(cut["input_ids"]) == list(ids):
                return _with_spaces(tokenizer, text, ids, [(int(at), int(to)) for at, to in cut["offset_mapping"]])
    decoded, offsets = decoded_offsets(tokenizer, ids)
    missing = len(text) - len(decoded)  # SentencePiece tokenizers do not give back the first space
    if missing < 0 or text != " " * missing + decoded:
        raise UserError(
            f"the {len(ids)} tokens are not those of the prompt: they decode to {decoded[:60]!r}, and the prompt "
            f"begins {text[:60]!r}. Give the text and the tokens that went to the model together"
        )
    return _with_spaces(tokenizer, text, ids, [(start + missing, end + missing) for start, end in offsets])


def decoded_offsets(tokenizer: Any, ids: Sequence[int]) -> tuple[str, Offsets]:
    """Return the text of tokens, special ones kept, and the characters that each of them holds.

    Args:
        tokenizer: a transformers tokenizer.
        ids: the tokens.
    """

    def decode(some: Sequence[int]) -> str:
        text: str = tokenizer.decode(list(some), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    whole = decode(ids)
    ends = _ends_by_pieces(decode, ids, whole)
    if ends is None:
        ends = [_agreement(decode(ids[: count + 1]), whole) for count in range(len(ids))]
    return whole, _ranges(decode, ids, ends, whole)


def _ends_by_pieces(decode: Callable[[Sequence[int]], str], ids: Sequence[int], whole: str) -> list[int] | None:
    """Return how long the text is after each token, decoding few at a time; None if they do not add up to it."""
    ends: list[int] = []
    since, text, piece = 0, "", ""  # the first token of a character that is not complete, and the text before it
    for place in range(len(ids)):
        context = decode(ids[max(0, since - _CONTEXT) : since])
        longer = decode(ids[max(0, since - _CONTEXT) : place + 1])
        if not longer.startswith(context):
            return None
        piece = longer[len(context) :]
        ends.append(len(text) + len(piece.rstrip(_BROKEN)))
        if not piece.endswith(_BROKEN):
            since, text, piece = place + 1, text + piece, ""
    if ends:
        ends[-1] = len(whole)
    return ends if text + piece == whole else None


def _agreement(text: str, whole: str) -> int:
    """Return how many first characters two texts share."""
    if whole.startswith(text):
        return len(text)
    return next(place for place, (one, other) in enumerate(zip(text, whole, strict=False)) if one != other)


def _ranges(decode: Callable[[Sequence[int]], str], ids: Sequence[int], ends: list[int], whole: str) -> Offsets:
    ranges: Offsets = []
    before = 0
    for place, end in enumerate(ends):
        if end > before:
            ranges.append((before, end))
        else:
            # A part of a character adds nothing yet; a token without text never does.
            unfinished = before < len(whole) and decode(ids[place : place + 1]).strip(" ") != ""
            ranges.append((before, before + 1 if unfinished else before))
        before = max(before, end)
    return ranges


def _with_spaces(tokenizer: Any, text: str, ids: Sequence[int], offsets: Offsets) -> Offsets:
    """Give spaces that no token claims back to their tokens: many tokenizers trim ranges.

    Spaces go to a token before them that ends in them, to tokens of nothing else, and the rest to the token after.
    """
    following = [len(text)] * len(offsets)  # where the next token with a range begins
    for place in range(len(offsets) - 2, -1, -1):
        start, end = offsets[place + 1]
        following[place] = start if end > start else following[place + 1]
    whole: Offsets = []
    done = 0
    for token, (start, end), limit in zip(ids, offsets, following, strict=True):
        if end <= start:
            start = end = done
        elif start > done and text[done:start].isspace():
            start = done
        if limit > end and text[end].isspace():
            piece = tokenizer.decode([token], clean_up_tokenization_spaces=False)
            tail = piece[len(piece.rstrip()) :]
            if (start < end or tail == piece) and text.startswith(tail, end) and end + len(tail) <= limit:
                end += len(tail)
        whole.append((start, end))
        done = max(done, end)
    return whole
