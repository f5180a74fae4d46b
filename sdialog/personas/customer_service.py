"""The two sides of a service line: the customer with an issue and the agent who takes the call.

Example:
    >>> Customer(name="Riley", issue="charged twice").language
    'English'
    >>> SupportAgent().role
    'Customer Support Agent'
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import (
    Age,
    CommunicationStyle,
    EmpathyLevel,
    Forgetfulness,
    Gender,
    Language,
    Name,
    Occupation,
    Personality,
    Politeness,
    Rules,
    StressTolerance,
)


class Customer(AttributeModel):
    """Someone who turns to a company with an issue, with their account, their mood and their history."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    language: Language = "English"
    customer_id: str | int = Field(default="", description="Number or code under which the company knows them.")
    occupation: Occupation = ""
    account_tenure: str = Field(default="", description="How long they have been a customer.")
    membership_level: str = Field(default="", description="Plan or tier they are on.")
    loyalty_status: str = Field(default="", description="How attached they are to the company.")
    fidelity_score: str | float | int = Field(default="", description="The company's rating of their loyalty.")
    issue: str = Field(default="", description="What is wrong, in a few words.")
    issue_category: str = Field(default="", description="Kind of issue: billing, delivery, technical, account.")
    issue_description: str = Field(default="", description="What happened, with dates, amounts and order numbers.")
    issue_history: str = Field(default="", description="What was already tried or promised about this issue.")
    desired_outcome: str = Field(default="", description="What would settle the matter for them.")
    knowledge_domain: str = Field(default="", description="Subject they know well, which shows when they talk.")
    technical_expertise: str = Field(default="", description="How easily they handle technical instructions.")
    sentiment: str = Field(default="", description="Feeling towards the company at the outset.")
    anger_level: str = Field(default="", description="How angry they are at the outset.")
    tiredness: str = Field(default="", description="How worn out they are.")
    patience_level: str = Field(default="", description="How much waiting and asking back they put up with.")
    politeness: Politeness = ""
    personality: Personality = ""
    instruction_following: str = Field(default="", description="How faithfully they carry out steps they are given.")
    forgetfulness: Forgetfulness = ""
    times_called: int | str = Field(default="", description="How often they have called about this issue before.")
    preferred_channel: str = Field(default="", description="Channel they would rather use: phone, chat, mail, shop.")
    prior_interactions_summary: str = Field(default="", description="How earlier contacts with the company went.")
    urgency: str = Field(default="", description="How soon it must be solved, and why.")
    rules: Rules = ""


class SupportAgent(AttributeModel):
    """Someone who answers for a company, with what they know, what they may decide and how they cope."""

    name: Name = ""
    language: Language = "English"
    agent_id: str | int = Field(default="", description="Number or code of the agent within the company.")
    role: str = Field(default="Customer Support Agent", description="Position within the support team.")
    experience_years: int | str = Field(default="", description="Years worked in customer support.")
    product_scope: str = Field(default="", description="Products and services the agent looks after.")
    product_knowledge_level: str = Field(default="", description="How well the agent knows those products.")
    communication_style: CommunicationStyle = ""
    empathy_level: EmpathyLevel = ""
    politeness: Politeness = ""
    resolution_authority_level: str = Field(default="", description="What the agent may grant without asking.")
    escalation_policy: str = Field(default="", description="When and to whom a case is passed on.")
    average_handle_time: int | float | str = Field(default="", description="Usual time per case; a number is minutes.")
    adherence_notes: str = Field(default="", description="How closely the agent keeps to scripts and procedures.")
    stress_tolerance: StressTolerance = ""
    performance_notes: str = Field(default="", description="Strengths and weaknesses seen in past work.")
    rules: Rules = ""
