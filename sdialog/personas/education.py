"""People met in schools and universities.

Example:
    >>> Student(name="Kofi", grade_level="10th grade").json()
    {'name': 'Kofi', 'grade_level': '10th grade'}
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import Age, CommunicationStyle, Gender, Name, Politeness, Specialty, YearsOfExperience


class Teacher(AttributeModel):
    """A teacher of one subject."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    subject: str = Field(default="", description="Subject taught.")
    years_of_experience: YearsOfExperience = ""
    education_level: str = Field(default="", description="Highest degree or training the teacher completed.")
    politeness: Politeness = ""
    communication_style: CommunicationStyle = ""


class Student(AttributeModel):
    """Someone who learns, from primary school to university."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    grade_level: str = Field(default="", description="Grade, year or semester the student is in.")
    major: str = Field(default="", description="Main field of study, where there is one.")
    interests: str = Field(default="", description="Subjects and pastimes the student warms to.")
    politeness: Politeness = ""


class AcademicAdvisor(AttributeModel):
    """Someone who guides students through courses, grants and choices."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    years_of_experience: YearsOfExperience = ""
    specialty: Specialty = ""
    politeness: Politeness = ""
