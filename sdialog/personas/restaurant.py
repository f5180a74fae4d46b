"""People in a restaurant: kitchen, floor and table.

Example:
    >>> Chef(name="Luz", cuisine_specialty="Oaxacan").json()
    {'name': 'Luz', 'cuisine_specialty': 'Oaxacan'}
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import Age, Gender, Name, Politeness, YearsOfExperience


class Chef(AttributeModel):
    """Someone who runs a kitchen."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    restaurant_name: str = Field(default="", description="Restaurant the chef cooks in.")
    years_of_experience: YearsOfExperience = ""
    cuisine_specialty: str = Field(default="", description="Cuisine or dishes the chef is known for.")
    politeness: Politeness = ""


class Waiter(AttributeModel):
    """Someone who serves at table."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    restaurant_name: str = Field(default="", description="Restaurant the waiter works in.")
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class RestaurantCustomer(AttributeModel):
    """Someone who came to eat."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    dietary_preferences: str = Field(default="", description="What the guest likes, avoids or must not eat.")
    politeness: Politeness = ""
