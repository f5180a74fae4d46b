"""Set phrases of English talk: goodbyes, courtesies, and offers of further help."""

from __future__ import annotations

import re

_FAREWELL = re.compile(
    r"\b(?:good ?-?bye|bye(?:[ -]bye)?|farewell|so long|cheerio|ciao|adieu|take (?:good )?care|godspeed)\b"
    r"|\b(?:see|catch|talk to|speak to) (?:you|ya|u)\b(?: \w+)?(?= *(?:[.,!]|$|and\b|then\b))"
    r"|\b(?:see|talk|speak|write)(?: to)?(?: you| ya)? (?:soon|later|then|around|tomorrow|next \w+|again soon)\b"
    r"|(?:^|[,.!] *)(?:until|till) (?:next time|then|we meet)\b|\ball the (?:very )?best\b|\bbest wishes\b"
    r"|\bhave an? (?:\w+ ){0,3}(?:day|evening|night|weekend|afternoon|morning|week|one|trip|flight|stay|time|journey)\b"
    r"|\benjoy (?:the rest of )?(?:your|the) (?:\w+ )?(?:day|evening|weekend|trip|stay|meal|flight)\b|\bgood night\b",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"\b(?:(?:many )?thank(?:s| you)(?: so| very)?(?: much| a lot| again| kindly)?(?: for (?:everything|\w+ing(?: \w+)?"
    r"|(?:all )?(?:your|the|that)(?: \w+){1,2}))?"
    r"|cheers|(?:you(?:'re| are)|most|very) welcome|no problem|no worries|anytime|any time"
    r"|(?:my|a) pleasure|don't mention it|likewise|(?:you|same to you),? too|same to you|you as well|not at all"
    r"|nice (?:to meet|meeting|talking|chatting) (?:to |with )?you|glad (?:I|we) could help|happy to help)\b",
    re.IGNORECASE,
)
_FURTHER = re.compile(
    r"\b(?:any|some)?thing (?:else|more|further)\b|\bfurther (?:help|questions|assistance)\b|\banother matter\b", re.I
)
_GREETING = re.compile(
    r"\b(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|how are you|how do you do|nice to meet)\b", re.I
)
_WAIT = re.compile(
    r"(?:^|[.!?,;:…-] *|\b(?:just|me|us|wait|on|only|need|takes?|for|okay|ok|sure|please) )(?:one|a|just a) "
    r"(?:moment|second|sec|minute)\b(?! (?:of|later|ago|is|was)\b)"
    r"|\b(?:hold on|hang on|bear with me|please hold|stay on the line)\b"
    r"|\blet me (?:just |quickly )?(?:check|see|look|find|pull|ask|verify|confirm|transfer|connect)\b"
    r"|\bI(?:'m| am) (?:just |now )?(?:looking(?! for(?: an?\b| some\b| one\b|[.,!?]|$))"
    r"|checking|transferring|connecting|opening|pulling|searching)\b",
    re.IGNORECASE,
)
_SHORT, _LEFT_OVER = 14, 4


def says_goodbye(text: str) -> bool:
    """Return whether a text says goodbye and asks nothing after it.

    Example:
        >>> says_goodbye("Thanks, have a lovely day!"), says_goodbye("Bye for now, or is there more?")
        (True, False)
    """
    last = None
    for last in _FAREWELL.finditer(text):  # noqa: B007  only the last one decides
        pass
    return last is not None and "?" not in text[last.end() :]


def is_closing(text: str) -> bool:
    """Return whether a text only closes a conversation: a short goodbye, thanks, or answer to one of these.

    Example:
        >>> is_closing("You too, bye!"), is_closing("Thanks. And where is my lamp?")
        (True, False)
    """
    if "?" in text or len(text.split()) > _SHORT:
        return False
    if says_goodbye(text):
        return True
    left, found = _COURTESY.subn(" ", text)
    return found > 0 and len(left.split()) <= _LEFT_OVER


def offers_more(text: str) -> bool:
    """Return whether a text offers further help.

    Example:
        >>> offers_more("Is there anything else I can help you with?")
        True
    """
    return _FURTHER.search(text) is not None


def asks_to_wait(text: str) -> bool:
    """Return whether a text asks for a moment, after which its speaker will be back.

    Example:
        >>> asks_to_wait("One moment, please."), asks_to_wait("I am at home.")
        (True, False)
    """
    return _WAIT.search(text) is not None


def is_formula(text: str) -> bool:
    """Return whether a text is one that everybody says: a closing or a short greeting.

    Example:
        >>> is_formula("Hello, how are you?"), is_formula("Your lamp comes on Monday.")
        (True, False)
    """
    if is_closing(text):
        return True
    return len(text.split()) <= _SHORT // 2 and _GREETING.search(text) is not None
