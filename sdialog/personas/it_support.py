"""People around a broken computer.

Example:
    >>> EndUser(device_type="laptop", issue_description="no sound").json()
    {'device_type': 'laptop', 'issue_description': 'no sound'}
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import Age, Gender, Name, Politeness, YearsOfExperience


class ITSupportSpecialist(AttributeModel):
    """Someone who solves the harder technical cases."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    years_of_experience: YearsOfExperience = ""
    expertise_area: str = Field(default="", description="Systems the specialist knows best.")
    politeness: Politeness = ""


class HelpdeskTechnician(AttributeModel):
    """Someone who takes the first call when something does not work."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class EndUser(AttributeModel):
    """Someone whose device or program does not do what it should."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    device_type: str = Field(default="", description="Device in question, with make or system where known.")
    issue_description: str = Field(default="", description="What goes wrong, since when, and what was tried.")
    politeness: Politeness = ""
