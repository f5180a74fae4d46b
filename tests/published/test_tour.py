"""A script written for the published package runs here with only the model's name changed."""

from __future__ import annotations

import pytest

import sdialog
from sdialog import Context, Dialog
from sdialog.agents import Agent
from sdialog.orchestrators import SimpleReflexOrchestrator
from sdialog.personas import Customer, SupportAgent


def account_verification(user_id):
    """Verify the account of a user by the user's id."""
    return {"user_id": user_id, "verified": True}


def refund(amount):
    """Refund an amount of money."""
    return {"status": "refunded", "amount": amount}


@pytest.fixture
def script(tmp_path):
    """The words of both sides, as a file for the scripted model."""
    path = tmp_path / "replies.yaml"
    path.write_text(
        """
- text: "I was charged twice and I want a refund. <think>Stay calm.</think>"
- tool_calls: [{name: account_verification, arguments: {user_id: "42"}}]
- text: "I am sorry, it is refunded. Goodbye! STOP"
"""
    )
    return f"scripted:{path}"


@pytest.mark.parametrize("model", ["scripted", "embedded:mini"])
def test_the_tour(model, script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sdialog.config.llm(script if model == "scripted" else model)

    support_persona = SupportAgent(name="Ava", politeness="high", communication_style="friendly")
    customer_persona = Customer(name="Riley", issue="double charge", desired_outcome="refund")
    react_refund = SimpleReflexOrchestrator(
        condition=lambda utt: "refund" in utt.lower(),
        instruction="Follow the refund policy: verify the account, apologize, refund.",
    )
    support_agent = Agent(persona=support_persona, think=True, tools=[account_verification, refund], name="Support")
    simulated_customer = Agent(persona=customer_persona, first_utterance="Hi!", name="Customer")
    web_chat = Context(location="chat", environment="web", circumstances="billing")

    support_agent = support_agent | react_refund

    for ix in range(2):
        dialog = simulated_customer.dialog_with(support_agent, context=web_chat, max_turns=12, seed=ix)
        dialog.to_file(f"dialog_{ix}.json")
        dialog.print(all=True)

    shown = capsys.readouterr().out
    assert "Dialogue Begins" in shown
    assert "Dialogue Ends" in shown
    again = Dialog.from_file("dialog_1.json")
    assert again == dialog
    assert again.turns[0].text == "Hi!"
    assert again.get_speakers() == ["Customer", "Support"]
    assert set(again.personas) == {"Customer", "Support"}
    assert again.context["location"] == "chat"
    if model == "scripted":
        actions = [(event.agent, event.action, event.actionLabel) for event in again.events]
        assert ("Support", "think", None) in actions
        assert ("Support", "tool", "call") in actions or ("Customer", "tool", "call") in actions
        assert again.complete is True


@pytest.fixture(autouse=True)
def restore_configuration():
    from sdialog.core import settings

    yield
    settings.reset_base()
