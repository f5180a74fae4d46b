"""People who handle other people's money and risks.

Example:
    >>> Banker(name="Noor", branch="Harbour Street").json()
    {'name': 'Noor', 'branch': 'Harbour Street'}
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import Age, Certifications, Gender, Name, Politeness, Specialty, YearsOfExperience


class FinancialAdvisor(AttributeModel):
    """Someone who plans savings, pensions and investments with clients."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    years_of_experience: YearsOfExperience = ""
    certifications: Certifications = ""
    specialty: Specialty = ""
    politeness: Politeness = ""


class Banker(AttributeModel):
    """Someone at the bank, from the counter to the loan desk."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    branch: str = Field(default="", description="Branch or office the banker works in.")
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class InsuranceAgent(AttributeModel):
    """Someone who sells insurance and helps with claims."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    company: str = Field(default="", description="Insurer or broker the agent works for.")
    years_of_experience: YearsOfExperience = ""
    specialty: Specialty = ""
    politeness: Politeness = ""
