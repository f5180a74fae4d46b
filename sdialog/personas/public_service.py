"""People at public counters and in social work.

Example:
    >>> Citizen(inquiry_topic="parking permit").json()
    {'inquiry_topic': 'parking permit'}
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import Age, Gender, Name, Politeness, Specialty, YearsOfExperience


class CivilServant(AttributeModel):
    """Someone who works for a public authority."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    department: str = Field(default="", description="Office or authority the civil servant works for.")
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class SocialWorker(AttributeModel):
    """Someone who stands by people and families in hard times."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    years_of_experience: YearsOfExperience = ""
    specialty: Specialty = ""
    politeness: Politeness = ""


class Citizen(AttributeModel):
    """Someone who wants something from a public authority."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    inquiry_topic: str = Field(default="", description="What the citizen asks about, with the particulars.")
    politeness: Politeness = ""
