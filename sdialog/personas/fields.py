"""Attributes that many persona classes share, each with its meaning.

A persona class names its attributes one by one, in the order in which they are written and generated; what an
attribute means is said here once. The descriptions also tell a model what to fill in.

Example:
    >>> from sdialog.core.attributes import AttributeModel
    >>> class Baker(AttributeModel):
    ...     name: Name = ""
    ...     age: Age = ""
    >>> Baker(name="Ines", age=34).json()
    {'name': 'Ines', 'age': 34}
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Name = Annotated[str, Field(description="Full name, as the person would give it.")]
Age = Annotated[int | str, Field(description="Age in years, or a phrase such as 'late fifties'.")]
MaybeAge = Annotated[int | str | None, Field(description="Age in years, or a phrase such as 'late fifties'.")]
Gender = Annotated[str, Field(description="Gender the person identifies with.")]
Race = Annotated[str, Field(description="Race or ethnic background, in the person's own terms.")]
Language = Annotated[str, Field(description="Language the person speaks in the conversation.")]
Occupation = Annotated[str, Field(description="What the person does for a living, or did before retiring.")]
Weight = Annotated[str | int | float, Field(description="Body weight; a bare number is in kilograms.")]
Height = Annotated[str | int | float, Field(description="Body height; a bare number is in centimetres.")]

Politeness = Annotated[str, Field(description="How courteous the person is, from blunt to ceremonious.")]
CommunicationStyle = Annotated[str, Field(description="How the person puts things: terse, chatty, formal, indirect.")]
EmpathyLevel = Annotated[str, Field(description="How far the person takes in and answers the feelings of others.")]
Attentiveness = Annotated[str, Field(description="How closely the person follows what is said.")]
Forgetfulness = Annotated[str, Field(description="How easily details said earlier slip the person's mind.")]
StressTolerance = Annotated[str, Field(description="How steady the person stays under pressure.")]
Personality = Annotated[str, Field(description="Traits that colour everything the person says.")]
Rules = Annotated[str, Field(description="Things the person must or must not do in the conversation.")]

YearsOfExperience = Annotated[int | str, Field(description="Years the person has worked in this profession.")]
Specialty = Annotated[str, Field(description="Field within the profession in which the person is most at home.")]
Certifications = Annotated[str, Field(description="Licences and certificates the person holds.")]

ReasonForVisit = Annotated[str, Field(description="Why the patient has come, in the patient's own view.")]
Symptoms = Annotated[str | list[str], Field(description="What the patient has noticed, with onset and course.")]
MedicalConditions = Annotated[str | list[str], Field(description="Conditions diagnosed and still present.")]
Medications = Annotated[str | list[str], Field(description="Medicines taken at present, with dose where known.")]
Allergies = Annotated[str | list[str], Field(description="Known allergies and what they cause.")]
FamilyHistory = Annotated[str | list[str], Field(description="Illnesses of close relatives that may matter.")]
