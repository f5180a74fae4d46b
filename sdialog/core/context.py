"""The situation a dialog takes place in."""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel


class Context(AttributeModel):
    """Where, when, among whom and to what end a dialog takes place; every attribute is optional.

    Example:
        >>> print(Context(location="a quiet pharmacy", topics=["allergies", "dosage"]))
        * Location: a quiet pharmacy
        * Topics: allergies, dosage
    """

    location: str | None = Field(None, description="Place where the conversation happens.")
    datetime: str | None = Field(None, description="When it happens: a date, a time of day, a season.")
    environment: str | None = Field(None, description="Surroundings: noise, weather, people passing, the channel used.")
    objects: str | list[str] | None = Field(None, description="Things at hand that may matter or be mentioned.")
    participants_shared_knowledge: str | None = Field(None, description="What all participants know beforehand.")
    circumstances: str | list[str] | None = Field(None, description="What has happened that leads to the conversation.")
    goals: str | list[str] | None = Field(None, description="What the conversation is meant to achieve.")
    constraints: str | list[str] | None = Field(None, description="Limits that the participants must respect.")
    topics: str | list[str] | None = Field(None, description="Subjects that are to come up.")
    style_guidelines: str | list[str] | None = Field(None, description="How the participants are to talk.")
    notes: str | None = Field(None, description="Anything else worth knowing.")
