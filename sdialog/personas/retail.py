"""People in shops, on both sides of the counter.

Example:
    >>> Shopper(shopping_goal="a raincoat").json()
    {'shopping_goal': 'a raincoat'}
"""

from __future__ import annotations

from pydantic import Field

from sdialog.core.attributes import AttributeModel
from sdialog.personas.fields import Age, Gender, Name, Politeness, YearsOfExperience


class StoreManager(AttributeModel):
    """Someone who runs a shop."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    store_name: str = Field(default="", description="Shop the manager runs.")
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class SalesAssociate(AttributeModel):
    """Someone who serves customers in a shop."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    store_name: str = Field(default="", description="Shop the associate works in.")
    years_of_experience: YearsOfExperience = ""
    politeness: Politeness = ""


class Shopper(AttributeModel):
    """Someone who came to buy, compare or bring something back."""

    name: Name = ""
    age: Age = ""
    gender: Gender = ""
    shopping_goal: str = Field(default="", description="What the shopper came for, with budget and limits.")
    loyalty_status: str = Field(default="", description="How regular a customer the shopper is.")
    politeness: Politeness = ""
