"""Patients, and the people who look after them.

Example:
    >>> Patient(name="Mei", symptoms=["cough", "fever"]).json()
    {'name': 'Mei', 'language': 'English', 'symptoms': ['cough', 'fever']}
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import (
    Age,
    Allergies,
    Attentiveness,
    Certifications,
    CommunicationStyle,
    EmpathyLevel,
    FamilyHistory,
    Gender,
    Height,
    Language,
    MaybeAge,
    MedicalConditions,
    Medications,
    Name,
    Occupation,
    Politeness,
    Race,
    ReasonForVisit,
    Specialty,
    StressTolerance,
    Symptoms,
    Weight,
    YearsOfExperience,
)
from sdialog.personas.general import ExtendedPersona


class Patient(AttributeModel):
    """Someone who seeks medical help: manner, body, complaint and history."""

    name: Name = ""
    age: MaybeAge = None
    race: Race = ""
    gender: Gender = ""
    language: Language = "English"
    forgetfulness: str | float = Field(default="", description="How easily details slip their mind; 0 to 1 or words.")
    formality: str | float = Field(default="", description="How formally they speak; 0 to 1 or words.")
    hurriedness: str | float = Field(default="", description="How pressed for time they are; 0 to 1 or words.")
    openness: str | float = Field(default="", description="How freely they talk about themselves; 0 to 1 or words.")
    height: Height = ""
    weight: Weight = ""
    occupation: Occupation = ""
    marital_status: str = Field(default="", description="Single, married, widowed and so on.")
    insurance: str = Field(default="", description="Health insurance or other cover.")
    reason_for_visit: ReasonForVisit = ""
    symptoms: Symptoms = ""
    medical_history: str | list[str] = Field(default="", description="Past illnesses, injuries and operations.")
    medical_conditions: MedicalConditions = ""
    medications: Medications = ""
    allergies: Allergies = ""
    family_history: FamilyHistory = ""


class ExtendedPatient(ExtendedPersona):
    """A patient with the whole person around the complaint."""

    reason_for_visit: ReasonForVisit = ""
    symptoms: Symptoms = ""
    vital_signs: str = Field(default="", description="Measured pulse, blood pressure, temperature and the like.")
    health_literacy: str = Field(default="", description="How well they grasp and use medical information.")
    medical_conditions: MedicalConditions = ""
    medications: Medications = ""
    allergies: Allergies = ""
    family_history: FamilyHistory = ""


class Doctor(AttributeModel):
    """A physician in consultation, with a specialty and a manner."""

    name: Name = ""
    age: Age = ""
    race: Race = ""
    gender: Gender = ""
    language: Language = "English"
    years_of_experience: YearsOfExperience = ""
    specialty: Specialty = ""
    forgetfulness: str = Field(default="", description="How easily details said earlier slip the doctor's mind.")
    formality: str = Field(default="", description="How formally the doctor speaks to patients.")
    hurriedness: str = Field(default="", description="How pressed for time the doctor is.")
    openness: str = Field(default="", description="How openly the doctor shares reasoning and doubts.")


class ExtendedDoctor(ExtendedPersona):
    """A physician with the whole person around the profession."""

    specialty: Specialty = ""
    years_of_experience: YearsOfExperience = ""
    certifications: Certifications = ""
    work_experience: str = Field(default="", description="Places and posts the doctor has worked in.")


class Nurse(AttributeModel):
    """A nurse on shift."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    language: Language = "English"
    years_of_experience: YearsOfExperience = ""
    specialty: Specialty = ""
    shift: str = Field(default="", description="Shift the nurse is working: early, late, night.")
    empathy_level: EmpathyLevel = ""
    politeness: Politeness = ""
    attentiveness: Attentiveness = ""
    stress_tolerance: StressTolerance = ""


class Pharmacist(AttributeModel):
    """A pharmacist behind the counter or on the ward."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    language: Language = "English"
    years_of_experience: YearsOfExperience = ""
    workplace: str = Field(default="", description="Pharmacy, hospital or other place of work.")
    expertise: str = Field(default="", description="What the pharmacist knows best, such as drug interactions.")
    politeness: Politeness = ""
    communication_style: CommunicationStyle = ""


class Caregiver(AttributeModel):
    """Someone who looks after a relative or client day by day."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    relationship: str = Field(default="", description="How they are related to the person they care for.")
    experience_years: int | str = Field(default="", description="Years spent caring for others.")
    empathy_level: EmpathyLevel = ""
    attentiveness: Attentiveness = ""
