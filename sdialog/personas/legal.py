"""People in a law office.

Example:
    >>> LegalClient(case_type="tenancy dispute").json()
    {'case_type': 'tenancy dispute'}
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import Age, Gender, Name, Politeness, Specialty, YearsOfExperience


class Lawyer(AttributeModel):
    """Someone who advises and represents clients in legal matters."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    specialty: Specialty = ""
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class Paralegal(AttributeModel):
    """Someone who prepares cases and papers in a law office."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class LegalClient(AttributeModel):
    """Someone who needs a lawyer."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    case_type: str = Field(default="", description="Matter the client brings, with the facts that count.")
    politeness: Politeness = ""
