"""People met on the road: hosts, agents and guests.

Example:
    >>> Tourist(travel_goal="see the northern lights").json()
    {'travel_goal': 'see the northern lights'}
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import Age, Gender, Name, Politeness, YearsOfExperience


class HotelReceptionist(AttributeModel):
    """Someone at a hotel's front desk."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    hotel_name: str = Field(default="", description="Hotel the receptionist works in.")
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class TravelAgent(AttributeModel):
    """Someone who plans and books journeys for others."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    agency_name: str = Field(default="", description="Agency the agent works for.")
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class Tourist(AttributeModel):
    """Someone who travels for pleasure."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    travel_goal: str = Field(default="", description="What the tourist wants to see, do or settle.")
    politeness: Politeness = ""
