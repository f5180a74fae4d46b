"""Personas: 35 classes by domain, and a library of ready people (:mod:`sdialog.personas.library`).

A class says what can be said about a kind of person; ``BasePersona`` is the base for classes of your own.

Example:
    >>> from sdialog.personas import BasePersona, Customer
    >>> Customer(name="Riley", issue="charged twice").json()
    {'name': 'Riley', 'language': 'English', 'issue': 'charged twice'}
    >>> class Beekeeper(BasePersona):
    ...     name: str = ""
    ...     hives: int = 0
    >>> Beekeeper(name="Amara", hives=12).prompt()
    '{\\n  "name": "Amara",\\n  "hives": 12\\n}'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdialog.core.attributes import AttributeModel as BasePersona
    from sdialog.personas.customer_service import Customer, SupportAgent
    from sdialog.personas.education import AcademicAdvisor, Student, Teacher
    from sdialog.personas.finance import Banker, FinancialAdvisor, InsuranceAgent
    from sdialog.personas.general import ExtendedPersona, Persona
    from sdialog.personas.it_support import EndUser, HelpdeskTechnician, ITSupportSpecialist
    from sdialog.personas.legal import Lawyer, LegalClient, Paralegal
    from sdialog.personas.medical import (
        Caregiver,
        Doctor,
        ExtendedDoctor,
        ExtendedPatient,
        Nurse,
        Patient,
        Pharmacist,
    )
    from sdialog.personas.public_service import Citizen, CivilServant, SocialWorker
    from sdialog.personas.restaurant import Chef, RestaurantCustomer, Waiter
    from sdialog.personas.retail import SalesAssociate, Shopper, StoreManager
    from sdialog.personas.travel import HotelReceptionist, Tourist, TravelAgent

_MODULES = {
    "customer_service": ("Customer", "SupportAgent"),
    "education": ("AcademicAdvisor", "Student", "Teacher"),
    "finance": ("Banker", "FinancialAdvisor", "InsuranceAgent"),
    "general": ("ExtendedPersona", "Persona"),
    "it_support": ("EndUser", "HelpdeskTechnician", "ITSupportSpecialist"),
    "legal": ("Lawyer", "LegalClient", "Paralegal"),
    "medical": ("Caregiver", "Doctor", "ExtendedDoctor", "ExtendedPatient", "Nurse", "Patient", "Pharmacist"),
    "public_service": ("Citizen", "CivilServant", "SocialWorker"),
    "restaurant": ("Chef", "RestaurantCustomer", "Waiter"),
    "retail": ("SalesAssociate", "Shopper", "StoreManager"),
    "travel": ("HotelReceptionist", "Tourist", "TravelAgent"),
}
_FACE = {name: f"sdialog.personas.{module}" for module, names in _MODULES.items() for name in names}

__all__ = [
    "AcademicAdvisor",
    "Banker",
    "BasePersona",
    "Caregiver",
    "Chef",
    "Citizen",
    "CivilServant",
    "Customer",
    "Doctor",
    "EndUser",
    "ExtendedDoctor",
    "ExtendedPatient",
    "ExtendedPersona",
    "FinancialAdvisor",
    "HelpdeskTechnician",
    "HotelReceptionist",
    "ITSupportSpecialist",
    "InsuranceAgent",
    "Lawyer",
    "LegalClient",
    "Nurse",
    "Paralegal",
    "Patient",
    "Persona",
    "Pharmacist",
    "RestaurantCustomer",
    "SalesAssociate",
    "Shopper",
    "SocialWorker",
    "StoreManager",
    "Student",
    "SupportAgent",
    "Teacher",
    "Tourist",
    "TravelAgent",
    "Waiter",
]


def __getattr__(name: str) -> object:
    if name == "BasePersona":
        value: object = importlib.import_module("sdialog.core.attributes").AttributeModel
    elif name in _FACE:
        value = getattr(importlib.import_module(_FACE[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
