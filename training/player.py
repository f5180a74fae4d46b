"""Plays a dialog by its plan: what each side says, and what an instruction changes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping

from training import words
from training.domains import DOMAINS, Tool, draw_result, free_issue, second_person, with_articles
from training.script import ASKABLE, SLOT, Answer, Order, Script, Side, Step, capital, draw_order, other, request
from training.sentences import SENTENCES

TIMEOUTS = (
    "TimeoutError: timed out after 30 s", "timed out after 30 s", "ConnectionError: try again later",
    "TimeoutError: timed out",
)  # fmt: skip
FAILURES = (
    "KeyError: not found", "ValueError: unknown number", "no such record", "ConnectionError: connection refused",
    "RuntimeError: out of service", "LookupError: nothing found",
)  # fmt: skip
RELAYED = ("result", "answer", "info")
"""Fields of a tool's answer that are passed on as they are."""


class Player:
    """Plays a script: each method adds the steps of one phase."""

    def __init__(self, rng: random.Random, script: Script, plan: dict[int, str], rare: float) -> None:
        self.rng, self.script, self.plan, self.rare = rng, script, dict(plan), rare
        self.mood = {side: party.mood for side, party in script.parties.items()}
        self.told: set[str] = set()
        self.asked: set[str] = set()
        self.over = False
        self.said = 0

    def play(self) -> None:
        """Add all the steps of the dialog."""
        if self.script.domain == "smalltalk":
            self._small_talk()
        else:
            self._opening()
            self._questions()
            self._solution()
            self._closing()

    # --- sentences

    def sentence(self, side: Side, act: str, **values: str) -> str:
        """Fill one template of an act with what the side may say."""
        caller, speaker = self.script.parties["I"], self.script.parties[side]
        facts = dict(speaker.facts if side == "I" or self.script.domain == "smalltalk" else caller.facts)
        facts.update(self.script.result or {}, name=speaker.name)
        facts.update({k: v for k, v in (("day", speaker.day), ("treatment", speaker.treatment)) if v}, **values)
        template = self.rng.choice(self._sayable(side, act, values))
        if side == "I":
            self.told.update(SLOT.findall(template))
        return with_articles(capital(SLOT.sub(lambda m: facts[m.group(1)], template)))

    def _sayable(self, side: Side, act: str, values: Mapping[str, str]) -> list[str]:
        """Return the templates of an act that hold nothing the caller's prompt does not tell."""
        caller = self.script.parties["I"]
        withheld = {*caller.facts} - {*caller.known, "name", *values} if side == "I" else set()
        return [t for t in SENTENCES[side, act] if withheld.isdisjoint(SLOT.findall(t))]

    def answer(self, side: Side, key: str) -> str:
        """Give a fact, or deny to have it."""
        party = self.script.parties[side]
        if key == "name" or key in party.known:
            return self.sentence(side, f"give_{key}", **{key: party.facts[key]})
        return self.sentence(side, "deny")

    def _decorate(self, side: Side, sentences: list[str]) -> list[str]:
        mood, chance = self.mood[side], self.rng.random()
        if mood == "neutral" or chance > 0.7:
            return sentences
        if chance < 0.48:
            return [self.sentence(side, f"pre_{mood}"), *sentences]
        return [*sentences, self.sentence(side, f"post_{mood}")]

    # --- utterances

    def _put(self, side: Side, sentences: list[str] | str) -> None:
        text = sentences if isinstance(sentences, str) else " ".join(sentences)
        self.script.steps.append(Step("say", side, text))
        self.said += 1

    def _order(self, side: Side, kind: str) -> Order:
        near = tuple(k for k in DOMAINS[self.script.domain].asks if k in ASKABLE)
        order = draw_order(self.rng, kind, self.mood[side], self.rare, near)
        self.script.steps.append(Step("order", side, order.wording, order))
        return order

    def say(
        self,
        side: Side,
        make: Callable[[], list[str]],
        *,
        brief: str | None = None,
        decorate: bool = True,
        before: Callable[[], None] | None = None,
        closing: bool = False,
    ) -> None:
        """Add an utterance, under the instruction that the plan holds for it if there is one."""
        if self.over:
            return
        kind = self.plan.pop(self.said, None)

        def normal() -> list[str]:
            if before:
                before()
            sentences = make()
            return self._decorate(side, sentences) if decorate else sentences

        if kind is None:
            self._put(side, normal())
        else:
            self._instructed(side, self._order(side, kind), normal, brief, closing)

    def _instructed(
        self, side: Side, order: Order, normal: Callable[[], list[str]], brief: str | None, closing: bool
    ) -> None:
        kind, partner = order.kind, other(side)
        if kind in ("apologize", "thank", "mention"):
            rest = normal()
            self._put(side, [self.sentence(side, f"do_{kind}", x=order.text), *rest])
        elif kind == "mood":
            old, self.mood[side] = self.mood[side], order.mood
            rest = normal()
            marks = {
                s
                for a in ("pre_", "post_", "bye_", "accept_", "greet_", "else_")
                for s in SENTENCES.get((side, a + order.mood), [])
            }
            plain = order.mood == "neutral" or any(s in marks for s in rest)
            self._put(side, rest if plain else [self.sentence(side, f"pre_{order.mood}"), *rest])
            self.mood[side] = order.mood if order.persistent else old
        elif kind == "keep":
            if closing:
                self._put(side, [self.sentence(side, "do_keep")])
                self._put(partner, [self.sentence(partner, "go_on")])
            self._put(side, normal())
        elif kind == "end":
            self.farewell(side)
        elif kind == "brief":
            self._put(side, brief or self.sentence(side, "do_brief"))
            if brief is None:
                self._put(partner, [self.sentence(partner, "go_on")])
                self._put(side, normal())
        elif kind == "ask":
            if side == "R":
                self.asked.add(order.key)
            self._put(side, request(self.rng, self.mood[side], order.key, anyhow=True))
            reply = [self.answer(partner, order.key)]
            self._put(partner, self._decorate(partner, reply))
            self._put(side, normal())
        else:
            self._put(side, [self.sentence(side, f"do_{kind}", x=order.text)])
            self._put(partner, [self.sentence(partner, "refused" if kind == "refuse" else "changed")])
            self._put(side, normal())

    def farewell(self, side: Side) -> None:
        """One side says goodbye, the other answers and ends the dialog."""
        partner = other(side)
        self._put(side, [self.sentence(side, f"bye_{self.mood[side]}")])
        self._put(partner, [self.sentence(partner, f"bye_{self.mood[partner]}"), "STOP"])
        self.over = True

    # --- phases

    def _opening(self) -> None:
        domain = self.script.domain
        issue = f"issue_{domain}"
        first = self.rng.random() < 0.5
        if first:
            self.say("R", lambda: [self.sentence("R", f"greet_{self.mood['R']}")], decorate=False)
        self.say(
            "I", lambda: [self.sentence("I", f"greet_{self.mood['I']}"), self.sentence("I", issue)], decorate=False
        )
        greet = not first and self.rng.random() < 0.3
        key = DOMAINS[domain].asks[0]
        known = key in self.asked

        def react() -> list[str]:
            hello = [self.sentence("R", f"greet_{self.mood['R']}")] if greet else []
            ask = [] if known else [request(self.rng, self.mood["R"], key)]
            return [*hello, *self._echo(), *ask] or [self.sentence("R", "go_on")]

        self.say("R", react, decorate=False)
        if known:
            self.say("I", lambda: [self.sentence("I", "go_on")], decorate=False)
        else:
            self._reply(key)

    def _echo(self) -> list[str]:
        """Return the caller's issue in the helper's words, if all of its slots were said."""
        domain, caller = self.script.domain, self.script.parties["I"]
        needs = {"your issue": "issue"}
        slots = {needs.get(s, s) for t in SENTENCES["R", f"echo_{domain}"] for s in SLOT.findall(t)}
        if not slots <= self.told:
            return []
        return [self.sentence("R", f"echo_{domain}", **{"your issue": second_person(caller.facts["issue"])})]

    def _reply(self, key: str) -> None:
        caller = self.script.parties["I"]
        value = caller.facts[key] if key in [*caller.known, "name"] else "No"
        self.asked.add(key)
        self.say("I", lambda: [self.answer("I", key)], brief=capital(value) + ".")

    def _ask(self, key: str) -> None:
        if key in self.asked:
            return
        self.say("R", lambda: [request(self.rng, self.mood["R"], key)])
        if not self.over:
            self._reply(key)

    def _questions(self) -> None:
        asks = [k for k in DOMAINS[self.script.domain].asks[1:] if k != "issue"]
        for key in self.rng.sample(asks, self.rng.randint(0, min(2, len(asks)))):
            self._ask(key)

    def _solution(self) -> None:
        script, tool, domain = self.script, self.script.tool, self.script.domain
        if tool is None:
            planned = script.parties["R"].day is not None
            self.say("R", lambda: [self.sentence("R", f"{'plan' if planned else 'promise'}_{domain}")])
        else:
            for key in tool.facts:
                if key not in self.told:
                    self._ask(key)
            outcome = script.outcome = self._draw_outcome()
            self.say("R", lambda: self._report(outcome[-1]), before=lambda: self._call(tool, outcome))
        caller = script.parties["I"]
        if caller.wants and not self.over:
            wants = caller.wants
            self.say("I", lambda: [self.sentence("I", "want", wants=wants)])
            self.say("R", lambda: [self.sentence("R", "want_ok", **{"your wants": second_person(wants)})])

    def _draw_outcome(self) -> list[Answer]:
        """Return the results of the calls to come: one, or a timeout and what the second try gives."""
        chance = self.rng.random()
        good: Answer = draw_result(self.rng, self.script.domain)
        if chance < 0.12:
            good = free_issue(self.rng, self.rare) if self.rng.random() < 0.7 else self.rng.choice(words.FIXES)
        elif chance < 0.17:
            good = {self.rng.choice(RELAYED): free_issue(self.rng, self.rare)}
        failure = {"error": self.rng.choice(FAILURES)}
        if chance > 0.94:
            return [failure]
        if chance > 0.87:
            return [{"error": self.rng.choice(TIMEOUTS)}, good if chance > 0.89 else failure]
        return [good]

    def _call(self, tool: Tool, outcome: list[Answer]) -> None:
        call = self.call_text(tool)
        for result in outcome:
            self.script.steps.append(Step("call", "R", call))
            text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
            self.script.steps.append(Step("result", "R", text))

    def call_text(self, tool: Tool) -> str:
        """Write the call of a tool; an argument the caller does not have is "unknown"."""
        caller = self.script.parties["I"]
        known = [*caller.known, "name"]
        pairs = zip(tool.arguments, tool.facts, strict=True)
        arguments = {name: caller.facts[fact] if fact in known else "unknown" for name, fact in pairs}
        return f"<tool_call>{json.dumps({'name': tool.name, 'arguments': arguments}, ensure_ascii=False)}</tool_call>"

    def _report(self, result: Answer) -> list[str]:
        if isinstance(result, str):
            return [self.sentence("R", "relay", relay=result)]
        if "error" in result:
            return [self.sentence("R", "failure"), self.sentence("R", f"promise_{self.script.domain}")]
        relayed = next((v for k, v in result.items() if k in RELAYED), None)
        if relayed:
            return [self.sentence("R", "relay", relay=relayed)]
        self.script.result = result
        return [self.sentence("R", f"result_{self.script.domain}")]

    def _closing(self) -> None:
        self.say("I", lambda: [self.sentence("I", f"accept_{self.mood['I']}")], decorate=False, brief="Okay.")
        if self.rng.random() < 0.6:
            self.say("R", lambda: [self.sentence("R", f"else_{self.mood['R']}")], decorate=False)
            self.say("I", lambda: [self.sentence("I", "no_else")], decorate=False, brief="No.")
        self._goodbye("R")

    def _goodbye(self, side: Side) -> None:
        partner = other(side)
        self.say(side, lambda: [self.sentence(side, f"bye_{self.mood[side]}")], decorate=False, closing=True)
        if self.plan.get(self.said) == "keep":  # too late: the other side has said goodbye
            del self.plan[self.said]
        self.say(partner, lambda: [self.sentence(partner, f"bye_{self.mood[partner]}"), "STOP"], decorate=False)
        self.over = True

    def _small_talk(self) -> None:
        parties = self.script.parties
        self.say(
            "I",
            lambda: [self.sentence("I", f"greet_{self.mood['I']}"), self.sentence("I", "chat_open")],
            decorate=False,
        )
        self.say("R", lambda: [self.sentence("R", "chat_greet"), self.sentence("R", "chat_reply")], decorate=False)
        topics = self.rng.sample(DOMAINS["smalltalk"].asks, self.rng.randint(2, 3))
        for number, key in enumerate(topics):
            if self.over:
                return
            asker: Side = other(self.script.steps[-1].side)
            teller = other(asker)
            self.say(asker, lambda a=asker, k=key: [request(self.rng, self.mood[a], k)])
            self.say(teller, lambda t=teller, k=key: [self.answer(t, k)])
            known = key in parties[teller].known
            self.say(asker, lambda a=asker, t=teller, k=key, n=known: [self._reaction(a, t, k, n)])
            if number < len(topics) - 1 and self.rng.random() < 0.6:
                self.say(teller, lambda t=teller: [self.sentence(t, "go_on")], decorate=False)
        if not self.over:
            self._goodbye(other(self.script.steps[-1].side))

    def _reaction(self, side: Side, partner: Side, key: str, known: bool) -> str:
        if key in ("hobby", "food", "plan") and known:
            return self.sentence(side, f"react_{key}", **{f"their {key}": self.script.parties[partner].facts[key]})
        return self.sentence(side, "go_on")
