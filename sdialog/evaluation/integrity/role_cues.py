"""Wording by which somebody who helps and somebody who is helped can be told apart, in English."""

# ruff: noqa: E501 - a cue reads best on one line

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

STRONG = 2
_LONGEST = 4000  # letters of a turn that are looked at: enough to hear a voice, and no turn takes long
_WEAK = 1

# Things that people on both sides call their own.
_ANYBODYS = (
    "name|names|colleague|colleagues|supervisor|manager|boss|apologies|apology|pleasure|system|screen|records|team|"
    "computer|shift|mistake|fault|bad|husband|wife|partner|side|end|understanding|notes|desk|list|best|opinion|word|"
    "question|turn|dear|friend|god|goodness|help|self|own|knowledge|experience|department|advice|call|file|files"
)
_IDS = r"(?:number|code|reference|id|digits|postcode|zip|surname|date of birth|account|pin|serial)"
_SERVE = (
    "refund|replac|cancel|arrang|process|book|updat|sen[dt]|check|look|pull|open|transfer|issu|schedul|reschedul|fix|"
    "sort|block|unlock|reset|activat|extend|waiv|credit|reserv|confirm|escalat|investigat|mov|switch|trac|register|"
    "ship|dispatch|chang|add|not|forward|put|t[ao]k|find|access|see|remov|correct|apply|applied|deliver|bring"
)
_I = r"\b(?:I|we)(?:'ll|'ve|'m|'re| will| can| could| have| am| are)?(?: going to)?(?: just| now| already| gladly| also)?"
_NO_HELPER = r"(?! (?:make sure|apologi|confirm|verify|check|ask|help|assist|thank|offer|let you|point|remind|see if))"

# What the client has, and what belongs to those who help: "your card" is said by a helper, "your website" by a client.
_CLIENTS_THING = (
    "(?:bookings?|reservations?|orders?|cards?|accounts?|profile|passport|luggage|baggage|bag|suitcase|ticket|claim|"
    "application|contract|prescription|subscription|membership|deliver(?:y|ies)|parcel|package|payment|details|appointment|device|"
    "router|modem|invoice|bill|refund|insurance|licen[cs]e|warranty|deposit|loan|mortgage|voucher|receipt|enquiry|inquiry|"
    "complaint|request|itinerary|flight|seat|room|table|meter|tablets|medication|pension|rent|installation)"
)
_HOUSE_THING = (
    "(?:website|webshop|site|app|shop|store|office|depot|staff|colleagues?|manager|supervisor|courier|drivers?|technicians?|"
    "engineers?|nurses?|agents?|team|hotline|branch(?:es)?|airline|hotel|restaurant|clinic|warehouse|system|files|records|"
    "policy|company|call cent(?:er|re)|customer service|service desk|price list|catalogue|specialists?|experts?|department|database)"
)

_HELPER = [
    (STRONG, r"\bhow (?:can|may|could|might) (?:I|we) (?:be of|help|assist|serve)"),
    (STRONG, r"\bwhat (?:can|could|may) (?:I|we) do for you|\bbe of (?:service|help|assistance)|\bwelcome to (?:the|our|\w+ )"),
    (STRONG, rf"\b(?:can|may|could|might) (?:I|we) (?:please )?(?:have|take|get|ask for|see) (?:your|the) [^.?!]{{0,60}}{_IDS}"),
    (STRONG, rf"\b(?:can|could|would|will) you [^.?!]{{0,60}}\b(?:give|tell|provid|confirm|shar|read|spell|verify)\w*[^.?!]{{0,60}} your [^.?!]{{0,60}}{_IDS}"),
    (STRONG, rf"\b(?:can|could|would|will) you [^.?!]{{0,60}}\b(?:give|tell|shar|read|spell|say|provid)\w* (?:me |us )?(?:the|your|a|which) (?:[\w-]+ ){{0,2}}{_IDS}"),
    (STRONG, r"\b(?:tell|give|say|share|spell) (?:me |us )?your (?:full name|city|size|e-?mail|phone|budget|(?:home )?address|plan|birth\w*)"),
    (STRONG, rf"\bwhat do you (?:need|want)\?|\bI need you to (?:read|give|tell|say|share|spell)\b|\b(?:read|give|tell) me the (?:[\w-]+ ){{0,2}}{_IDS}"),
    (STRONG, rf"\bwhat(?:'s| is| was) your [^.?!]{{0,60}}{_IDS}|\bI(?:'d| would)? need your [^.?!]{{0,60}}{_IDS}|\bread me your\b"),
    (STRONG, r"\b(?:any|some)thing (?:else|more|further|I)\b[^.?!]{0,60}\b(?:I|we|help|assist) (?:can|could|may|help|you)"),
    (STRONG, r"\b(?:can|may|could|shall) (?:I|we) [^.?!]{0,60}\b(?:help|assist|do)\b[^.?!]{0,60}\b(?:else|more|further)"),
    (STRONG, rf"{_I} (?:{_SERVE})\w*\b[^.?!]{{0,60}}\b(?:your|(?:for|to) you)\b"),
    (STRONG, r"\b(?:apologi[sz]e|apologies|sorry) for (?:the|any|this|all|your) (?:\w+ )?(?:inconvenience|trouble|delay|wait|confusion)"),
    (STRONG, r"\b(?:I|we)(?:'ll| will| can) (?:look into|take care of|see to|sort out) (?:it|this|that)\b|^(?:so|I (?:see|understand)),? your\b"),
    (STRONG, r"\bwe(?:'re| are) (?:very |so |terribly )?sorry for\b|\bsorry to hear\b.*\byour\b"),
    (_WEAK, r"\bthank(?:s| you)(?: very much| so much)? for (?:calling|contacting|reaching|getting in|bearing|your patience|waiting|holding|choosing|your call)"),
    (_WEAK, r"\blet me (?:just )?(?:check|see|look|pull|find|verify)|\bbear with me|\bstay on the line|\b(?:please hold|hold the line)"),
    (_WEAK, r"\bour (?:system|team|records|policy|side|end|technician|warehouse|specialist|department|database|experts?)"),
    (_WEAK, r"\b(?:I|we)(?:'d|'ll|'m| would| will| am) be (?:more than )?(?:happy|glad|pleased|delighted) to|\bhappy to help"),
    (_WEAK, r"\byou(?:'re| are) (?:eligible|all set|entitled)|\byou(?:'ll| will| should) (?:\w+ )?(?:receive|get|see) (?:an?|your|the)\b"),
    (STRONG, r"\byour [^.?!]{0,30}(?:has been|is|was|will be) (?:\w+ )?(?:booked|cancel\w+|refunded|shipped|delayed|processed|confirmed|moved|sent|ready|on its way)"),
    (_WEAK, r"\bget back to you\b|\bwhat seems to be\b|\bcustomer (?:care|service|support)\b|\bso (?:that )?I can [^.?!]{0,60}\byour\b"),
    (STRONG, r"\b(?:I|we)(?:'ll|'ve|'m|'re|'d| \w+)?(?! have a question)(?: \w+){0,6} for you\b(?! to\b)|\blet me (?:pull|bring) up\b|\blet me (?:check|look|see|verify|find) (?:that|it|this|your|into)\b"),
    (STRONG, r"\breach you (?:on|at|under)\b|\b(?:way|time|number) to reach you\b|\bwhere (?:I|we) can reach you\b|\b(?:call|contact|visit|reach|back to) us\b"),
    (STRONG, r"\b(?:put you (?:through|on hold|down|straight)|(?:transfer|transferring|connect|connecting) you|book you (?:in|a)|get you (?:a|booked|sorted|back))\b"),
    (STRONG, rf"\bplease (?:confirm|verify|provide|state|enter|have|give|read|spell)\b[^.?!]{{0,60}}\b(?:your|the) [^.?!]{{0,60}}{_IDS}|\blast (?:three|four|five|\d) digits\b|\bwhich (?:sur)?name (?:is|was)\b"),
    (STRONG, r"\byou(?:'ll| will| should) (?:\w+ )?(?:receive|get) (?:an?|your|the) [^.?!]{0,60}(?:confirmation|refund|e-?mail|text|letter|call|replacement|invoice)"),
    (STRONG, r"\byour (?:[\w-]+ )?(?:request|complaint|order|payment|account|case|ticket|refund|application|claim|booking|reservation|delivery|parcel|package|appointment) (?:has|was|is|will|came|went)\b"),
    (STRONG, r"\brest assured\b|\bwe appreciate your\b|\bI (?:completely |fully |totally )?understand (?:your (?:frustration|concern|situation|disappointment)|how)\b|\bgesture of goodwill\b|\b(?:valued|loyal) (?:customer|member)"),
    (STRONG, r"\baccording to our\b|\bfor security\b|\bon behalf of (?:the|our)\b|\b(?:we're|we are|I'm|I am) unable to (?:offer|give|process|refund|accept)"),
    (STRONG, r"\bwould you like (?:me|us) to\b|\b(?:can|could|may|shall|might|should) (?:I|we) (?:offer|suggest|put|book|send|transfer|interest|get|bring) you\b|\b(?:I|we) (?:can|could) offer\b|\bwhat (?:can|may) I get you\b"),
    (STRONG, r"\bare you (?:already )?a (?:member|customer|client)\b|\bdo you have (?:your|an) (?:\w+ )?(?:account|membership|card|contract|receipt|reference|appointment)\b|\bwhich of our\b"),
    (STRONG, r"\b(?:can|could|would) you (?:please )?describe\b|\bwhat (?:seems to be|happened (?:with|to) your)\b|\byou(?:'re| are) through to\b|\b(?:who|whom) am I speaking\b"),
    (STRONG, r"\bour (?:\w+ )?(?:driver|courier|branch|branches|store|shop|specialists?|technicians?|warehouse|system|team|records|experts?|department|service|policy|colleagues?)\b[^.?!]{0,60}\byour?\b|\byour?\b[^.?!]{0,60}\bour (?:\w+ )?(?:driver|courier|branch|store|shop|specialists?|technicians?|team|experts?|department)\b"),
    (STRONG, rf"\byour (?:[\w-]+ )?{_CLIENTS_THING}\b|\bour (?:[\w-]+ )?{_HOUSE_THING}\b(?= (?:will|is|are|has|have|can|shows?|says?)|[.,!]|$| at\b| on\b)"),
    (STRONG, r"\b(?:I|we)(?:'ll| will| can| could)(?: \w+)? (?:help|assist|verify)\b|\bglad (?:I|we) could\b|\bhow would you like (?:to (?:pay|proceed|receive)|your)\b"),
    (STRONG, r"\bhave you (?:already )?(?:tried|restarted|checked|contacted)\b|\byou (?:can|may) (?:collect|pick (?:it|them) up|pay (?:at|by|with))\b|\b(?:suit|work for) you\b|\bfree of charge\b"),
    (STRONG, r"\b(?:we|I)(?:'ll| will) (?:have (?:someone|somebody)|credit|compensate|waive)\b|\baccept (?:our|my) apologies\b|\bour agents\b"),
]  # fmt: skip

_MY = rf"\bmy (?!(?:\w+ )?(?:{_ANYBODYS})\b)"
_CLIENT = [
    (STRONG, r"\b(?:I|we)(?: have|'ve| had| just)?(?: just)? (?:ordered|bought|purchased|placed an|paid|subscribed|returned the)\b"),
    (STRONG, r"\b(?:I|we) (?:was|were|got|am being|'m being|have been|'ve been) (?:\w+ )?(?:charged|billed|overcharged|told|promised)"),
    (STRONG, r"\bI(?:'ve| have)? never (?:received|got|agreed|asked|signed|authori[sz]ed|ordered|bought)"),
    (STRONG, r"\bI (?:want|need|demand|expect)\b[^.?!]{0,60}\b(?:refund|money back|replacement|compensation|cancel|return|exchange)"),
    (STRONG, r"\b(?:I|we)(?:'d| would) like (?:to (?:cancel|return|exchange|book|reserve|order|change|complain|buy|make)|a|an|my)\b"),
    (_WEAK, rf"\bI (?:want|need|(?:am|'m) looking for) (?:to|a|an|my|some){_NO_HELPER}|\bI(?:'d| would) like to{_NO_HELPER}"),
    (STRONG, r"\b(?:can|could|would|will) you (?:please |kindly |possibly |just |be able to )*(?:help me|refund|cancel|change|move|sort|fix|check|look into|send me|book me|tell me (?:if|whether|when|where|why|how) (?:I|my|we)\b)(?![^.?!]{0,60}\byour\b)"),
    (STRONG, r"\b(?:any way|possible for) you (?:can|could|to)\b|\bwhat (?:are you going to|can you|will you) do\b|\bcan you help\b"),
    (STRONG, rf"{_MY}(?:\w+ ){{1,3}}(?:is|was|has|isn't|hasn't|doesn't|does not|won't|will not|never|stopped|keeps|got|broke|shows?)\b"),
    (STRONG, rf"\b(?:with|about|regarding|into|on|for|from|get|got|move|cancel|check|change|fix|find|return|track) {_MY}"),
    (STRONG, r"\bmy money\b|\b(?:when|where|why) (?:will|is|was|are|has|did|do|can) (?:I|my|we)\b"),
    (STRONG, r"\bI(?:'m| am)(?: just)? (?:calling|ringing|phoning|writing|contacting you|reaching out|messaging)(?: you)? (?:about|because|since|regarding|as|with|to (?:ask|report|complain|cancel))"),
    (STRONG, r"\bI(?:'ve| have) been waiting\b|\bI(?:'m| am) still waiting (?:for|on)\b|\bI(?:'ve| have)(?: got)? (?:a|an|another|some) (?:\w+ )?(?:problem|issue|complaint|trouble)"),
    (STRONG, r"\b(?:nobody|no one|no-one)(?: has| had|'s)? (?:called|replied|answered|got|gotten|told|came|come|responded|written|wrote)"),
    (STRONG, r"\b(?:I|we) (?:cannot|can't|couldn't|could not|am unable to|'m unable to) (?:log|get into|access|connect|use|pay|open) (?!your)"),
    (STRONG, r"\b(?:I|we)(?:'ve| have)? made (?:a|an) (?:reservation|booking|appointment|order|payment)"),
    (STRONG, rf"\b(?:somebody|someone|you|they)(?: people)?(?: has| have|'s|'ve)? (?:used|took|taken|stole|stolen|charged|blocked|cancelled|canceled|lost|sent|billed|charging) {_MY}"),
    (_WEAK, r"\b(?:never|hasn't|has not|have not|haven't|did not|didn't) (?:turned up|turn up|arrived?|come|shown up|show up|worked?)"),
    (STRONG, r"\b(?:have|has|'ve|had|was|were) been (?:over)?(?:charged|billed)\b|\byou(?: people| guys)?(?: have|'ve)?(?: just| never| still)? (?:sent|charged|billed|gave|promised|delivered|overcharged|cancelled|canceled|lost) (?:me|us|my|the wrong)\b"),
    (STRONG, r"\byou (?:\w+ )?keep (?:\w+ing) (?:me|us|my)\b|\b(?:cancelled|canceled|changed|moved|blocked|closed) my\b"),
    (STRONG, rf"{_MY}(?:\w+ )?\w+ (?:leaks|broke|died|crashed|fell|froze|needs|went|keeps|fails|failed|expired|disappeared)\b"),
    (STRONG, r"\bI(?:'d| would) appreciate it if\b|\bI (?:was|am|'m) (?:hoping|wondering)\b|\b(?:could|can) (?:somebody|someone|anybody|anyone) (?:please )?(?:explain|help|tell|call|look|fix|check)\b"),
    (STRONG, r"\b(?:I|we)(?: have|'ve)?(?: just)? (?:booked|reserved|placed|signed up|subscribed|applied|registered)\b(?! (?:you|your)\b)(?![^.?!]{0,60}\bfor you\b)|\b(?:got|bought|ordered|received) (?:from|through) you\b"),
    (STRONG, r"\b(?:on|in|from|by|at) your (?:train|website|site|app|bus|flight|page|platform|store|shop|restaurant|hotel)\b|\byour (?:airline|driver|technician|courier|staff|hotline|colleagues|people)\b|\b(?:speak|talk) (?:to|with) (?:a|your|the) (?:manager|supervisor|human|person|boss)\b"),
    (STRONG, r"\bI need (?:some )?help\b|\bwhat (?:should|can|must) I do\b(?! for you)|\bdo I (?:have|need) to\b|\bam I (?:entitled|allowed|able|going to)\b|\bcan I (?:change|cancel|return|exchange|move|still|switch|pay|get a)\b"),
    (STRONG, r"\bI(?:'m| am) (?:interested in|looking (?:to|for))\b|\b(?:this is|it's|it is) (?:about|regarding) (?:a|an|my|the)\b"),
    (STRONG, r"\bI(?:'ve| have)?(?: still)? (?:haven't|have not|hadn't|didn't|did not|never) (?:received|gotten|got|get|heard|had|receive)\b|\bI(?:'ve| have)? (?:lost|forgotten|forgot|misplaced|broke|locked) my\b"),
    (STRONG, r"\bI(?:'m| am) (?:locked out|stuck|worried|disappointed|unhappy|not happy|fed up|furious)\b|\bmy (?:son|daughter|mother|father|child|wife|husband|dog|cat) (?:needs|has|is)\b"),
    (STRONG, r"\b(?:idea|know|tell me) (?:when|where|why) (?:my|I)\b|\band (?:nothing|nobody|no one)(?: has)? (?:come|came|arrived|happened)\b|\bgot no (?:\w+)\b"),
    (STRONG, r"(?:^|[.!?,] |\band )please (?:\w+ )?(?:cancel|refund|help me|send me|stop|fix|call me|change my|check my)\b|\bwant (?:that|this|it|my \w+) (?:\w+ )?(?:reversed|cancelled|fixed|refunded|back|changed|replaced)\b"),
    (STRONG, rf"\bmy (?:[\w-]+ )?{_CLIENTS_THING}\b|\byour (?:[\w-]+ )?{_HOUSE_THING}\b"),
    (STRONG, r"\bhow do I\b|\bI (?:don't|do not|can't|cannot) (?:understand why|find (?!your|you\b))|\bI(?:'m| am) not (?:satisfied|happy|pleased)\b|\bI was supposed to\b|\bI ran out of\b"),
    (STRONG, r"\b(?:the|that|a) (?:\w+ )?\w+ (?:that )?you (?:sent|promised|sold|gave|charged|delivered|offered)\b|\byou (?:have|sent|put) (?:me )?(?:the|a) wrong\b|\b(?:could|can|may) I have (?:a|another|my)\b"),
    (STRONG, r"\b(?:error|mistake) (?:in|on) the (?:bill|invoice|order|contract)\b|\bwe(?:'d| would) (?:need|like|love|want) (?:a|an|to (?:book|stay|come|order))\b|\bI(?:'d| would) rather have\b"),
    (_WEAK, rf"{_MY}[^.?!]{{0,60}}{_IDS}(?: is|'s|:)|\blosing patience|\bunacceptable|\bridiculous"),
]  # fmt: skip
_HELPER_CUES = [(weight, re.compile(cue, re.IGNORECASE)) for weight, cue in _HELPER]
_CLIENT_CUES = [(weight, re.compile(cue, re.IGNORECASE)) for weight, cue in _CLIENT]
_OWNED = {
    owner: re.compile(rf"\b{owner} (?!(?:{_ANYBODYS})\b)((?:[a-z-]+ )?[a-z-]+)", re.IGNORECASE)
    for owner in ("my", "your")
}


class Voice(NamedTuple):
    """How much a text sounds like a helper and like a client, and the words that do."""

    helper: int
    client: int
    helper_words: str
    client_words: str


@lru_cache(maxsize=1 << 14)
def voice(text: str) -> Voice:
    """Return how much a text sounds like either side.

    Args:
        text: a turn with straight apostrophes, without what it quotes.

    Example:
        >>> voice("How can I help you?")[:2], voice("My parcel has not arrived.")[:2]
        ((2, 0), (0, 5))
    """
    text = text[:_LONGEST]
    helper, client = _hits(_HELPER_CUES, text), _hits(_CLIENT_CUES, text)
    return Voice(
        sum(weight for weight, _ in helper),
        sum(weight for weight, _ in client),
        helper[0][1] if helper else "",
        client[0][1] if client else "",
    )


def owned(text: str, owner: str) -> set[str]:
    """Return the things that a text calls ``my`` or ``your``.

    Example:
        >>> sorted(owned("Where is my red kettle, and your manager?", "my"))
        ['kettle', 'red kettle']
    """
    found = set()
    for match in _OWNED[owner].finditer(text):
        words = match[1].lower()
        found |= {words, words.rpartition(" ")[2]}
    return found


def things_of_client(lines: Iterable[tuple[str | None, str]]) -> Iterator[set[str]]:
    """Yield for each turn the things that the others of the dialog show to be the client's.

    Args:
        lines: role of the speaker and text of each turn.
    """
    shown = [owned(text, "my") if role == "client" else owned(text, "your") if role == "helper" else set()
             for role, text in lines]  # fmt: skip
    for number in range(len(shown)):
        yield set[str]().union(*shown[:number], *shown[number + 1 :])


def swapped(text: str, role: str, things: Collection[str]) -> str | None:
    """Return a thing of the client's that the helper calls ``my``, or the client ``your``; None if there is none."""
    return next(iter(sorted(owned(text, "my" if role == "helper" else "your").intersection(things))), None)


def _hits(cues: Iterable[tuple[int, re.Pattern[str]]], text: str) -> list[tuple[int, str]]:
    found = [(weight, match[0]) for weight, cue in cues if (match := cue.search(text)) is not None]
    return sorted(found, key=lambda hit: -hit[0])
