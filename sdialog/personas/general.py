"""People described in general terms, for any role.

Example:
    >>> Persona(name="Amara", role="beekeeper", language="French").prompt()
    '{\\n  "name": "Amara",\\n  "language": "French",\\n  "role": "beekeeper"\\n}'
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import (
    Age,
    Attentiveness,
    CommunicationStyle,
    EmpathyLevel,
    Forgetfulness,
    Gender,
    Height,
    Language,
    Name,
    Occupation,
    Personality,
    Politeness,
    Race,
    Rules,
    Weight,
)


class Persona(AttributeModel):
    """A person in a few broad strokes: who they are, what they are like and what they are up to."""

    name: Name = ""
    age: Age = ""
    race: Race = ""
    gender: Gender = ""
    language: Language = "English"
    role: str = Field(default="", description="Part the person plays in the conversation.")
    background: str = Field(default="", description="Life so far, as far as it matters here.")
    personality: Personality = ""
    circumstances: str = Field(default="", description="What is going on in the person's life right now.")
    rules: Rules = ""


class ExtendedPersona(AttributeModel):
    """A person in fine detail, from voice and means to habits and convictions."""

    name: Name = ""
    age: Age = ""
    race: Race = ""
    gender: Gender = ""
    language: Language = "English"
    weight: Weight = ""
    height: Height = ""
    voice_characteristics: str = Field(default="", description="How the voice sounds: pitch, pace, accent, texture.")
    occupation: Occupation = ""
    education: str = Field(default="", description="Schooling and training the person went through.")
    socioeconomic_status: str = Field(default="", description="Means and social standing.")
    interests: str = Field(default="", description="Subjects the person likes to hear and talk about.")
    hobbies: str = Field(default="", description="What the person does in free time.")
    politeness: Politeness = ""
    forgetfulness: Forgetfulness = ""
    attentiveness: Attentiveness = ""
    communication_style: CommunicationStyle = ""
    empathy_level: EmpathyLevel = ""
    political_views: str = Field(default="", description="Political leaning, and how openly it is shown.")
    religious_beliefs: str = Field(default="", description="Faith or world view, and how it shapes daily life.")
