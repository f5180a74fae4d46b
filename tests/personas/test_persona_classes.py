"""The persona classes hold exactly the published fields, and are reached lazily by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from sdialog import personas
from sdialog.core.attributes import AttributeModel
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.personas.classes import find_class

# s: str, IS: int | str, SI: str | int, SF: str | float, SIF: str | int | float, SL: str | list[str]
TYPES = {
    "s": str,
    "IS": int | str,
    "ISN": int | str | None,
    "SI": str | int,
    "SF": str | float,
    "SIF": str | int | float,
    "SFI": str | float | int,
    "IFS": int | float | str,
    "SL": str | list[str],
}
NAG = "name s, age IS, gender s"
YEARS = "years_of_experience IS"
EXTENDED = (
    "name s, age IS, race s, gender s, language s=English, weight SIF, height SIF, voice_characteristics s, "
    "occupation s, education s, socioeconomic_status s, interests s, hobbies s, politeness s, forgetfulness s, "
    "attentiveness s, communication_style s, empathy_level s, political_views s, religious_beliefs s"
)
PUBLISHED = {
    "Persona": "name s, age IS, race s, gender s, language s=English, role s, background s, personality s, "
    "circumstances s, rules s",
    "ExtendedPersona": EXTENDED,
    "Customer": f"{NAG}, language s=English, customer_id SI, occupation s, account_tenure s, membership_level s, "
    "loyalty_status s, fidelity_score SFI, issue s, issue_category s, issue_description s, issue_history s, "
    "desired_outcome s, knowledge_domain s, technical_expertise s, sentiment s, anger_level s, tiredness s, "
    "patience_level s, politeness s, personality s, instruction_following s, forgetfulness s, times_called IS, "
    "preferred_channel s, prior_interactions_summary s, urgency s, rules s",
    "SupportAgent": "name s, language s=English, agent_id SI, role s=Customer Support Agent, experience_years IS, "
    "product_scope s, product_knowledge_level s, communication_style s, empathy_level s, politeness s, "
    "resolution_authority_level s, escalation_policy s, average_handle_time IFS, adherence_notes s, "
    "stress_tolerance s, performance_notes s, rules s",
    "Patient": "name s, age ISN, race s, gender s, language s=English, forgetfulness SF, formality SF, "
    "hurriedness SF, openness SF, height SIF, weight SIF, occupation s, marital_status s, insurance s, "
    "reason_for_visit s, symptoms SL, medical_history SL, medical_conditions SL, medications SL, allergies SL, "
    "family_history SL",
    "ExtendedPatient": f"{EXTENDED}, reason_for_visit s, symptoms SL, vital_signs s, health_literacy s, "
    "medical_conditions SL, medications SL, allergies SL, family_history SL",
    "Doctor": f"name s, age IS, race s, gender s, language s=English, {YEARS}, specialty s, forgetfulness s, "
    "formality s, hurriedness s, openness s",
    "ExtendedDoctor": f"{EXTENDED}, specialty s, {YEARS}, certifications s, work_experience s",
    "Nurse": f"{NAG}, language s=English, {YEARS}, specialty s, shift s, empathy_level s, politeness s, "
    "attentiveness s, stress_tolerance s",
    "Pharmacist": f"{NAG}, language s=English, {YEARS}, workplace s, expertise s, politeness s, communication_style s",
    "Caregiver": f"{NAG}, relationship s, experience_years IS, empathy_level s, attentiveness s",
    "Teacher": f"{NAG}, subject s, {YEARS}, education_level s, politeness s, communication_style s",
    "Student": f"{NAG}, grade_level s, major s, interests s, politeness s",
    "AcademicAdvisor": f"{NAG}, {YEARS}, specialty s, politeness s",
    "FinancialAdvisor": f"{NAG}, {YEARS}, certifications s, specialty s, politeness s",
    "Banker": f"{NAG}, branch s, {YEARS}, politeness s",
    "InsuranceAgent": f"{NAG}, company s, {YEARS}, specialty s, politeness s",
    "StoreManager": f"{NAG}, store_name s, {YEARS}, politeness s",
    "SalesAssociate": f"{NAG}, store_name s, {YEARS}, politeness s",
    "Shopper": f"{NAG}, shopping_goal s, loyalty_status s, politeness s",
    "HotelReceptionist": f"{NAG}, hotel_name s, {YEARS}, politeness s",
    "TravelAgent": f"{NAG}, agency_name s, {YEARS}, politeness s",
    "Tourist": f"{NAG}, travel_goal s, politeness s",
    "Lawyer": f"{NAG}, specialty s, {YEARS}, politeness s",
    "Paralegal": f"{NAG}, {YEARS}, politeness s",
    "LegalClient": f"{NAG}, case_type s, politeness s",
    "ITSupportSpecialist": f"{NAG}, {YEARS}, expertise_area s, politeness s",
    "HelpdeskTechnician": f"{NAG}, {YEARS}, politeness s",
    "EndUser": f"{NAG}, device_type s, issue_description s, politeness s",
    "CivilServant": f"{NAG}, department s, {YEARS}, politeness s",
    "SocialWorker": f"{NAG}, {YEARS}, specialty s, politeness s",
    "Citizen": f"{NAG}, inquiry_topic s, politeness s",
    "Chef": f"{NAG}, restaurant_name s, {YEARS}, cuisine_specialty s, politeness s",
    "Waiter": f"{NAG}, restaurant_name s, {YEARS}, politeness s",
    "RestaurantCustomer": f"{NAG}, dietary_preferences s, politeness s",
}


def _published(name):
    for entry in PUBLISHED[name].split(", "):
        field, _, rest = entry.partition(" ")
        kind, _, default = rest.partition("=")
        yield field, TYPES[kind], None if kind == "ISN" else default


@pytest.mark.parametrize("name", PUBLISHED)
def test_fields_types_and_defaults_are_the_published_ones(name):
    fields = getattr(personas, name).model_fields
    assert [(n, f.annotation, f.default) for n, f in fields.items()] == list(_published(name))


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_field_is_described_in_one_line(name):
    for field, info in getattr(personas, name).model_fields.items():
        assert info.description and "\n" not in info.description and len(info.description) < 90, field


def test_the_face_holds_the_35_classes_and_their_base():
    assert len(PUBLISHED) == 35
    assert set(personas.__all__) == {*PUBLISHED, "BasePersona"}
    assert personas.BasePersona is AttributeModel


def test_a_number_stays_a_number_and_a_text_a_text():
    assert personas.Persona(age=30).json()["age"] == 30
    assert personas.Persona(age="30").json()["age"] == "30"


def test_an_unknown_attribute_is_refused():
    with pytest.raises(ValidationError):
        personas.Nurse(hobby="chess")


def test_listing_the_face_loads_no_class_and_using_one_loads_one_domain():
    code = (
        "import sys, sdialog.personas as p\n"
        "before = 'pydantic' in sys.modules\n"
        "p.Nurse\n"
        "print(before, 'sdialog.personas.medical' in sys.modules, 'sdialog.personas.legal' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_root())
    assert shown.stdout.split() == ["False", "True", "False"]


def test_a_persona_is_rebuilt_from_its_record_in_a_process_that_has_not_met_its_class():
    code = (
        "from sdialog.core.attributes import AttributeModel\n"
        "print(type(AttributeModel.from_dict({'name': 'Ana', '_metadata': {'className': 'Nurse'}})).__name__)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=_root())
    assert shown.stdout.strip() == "Nurse", shown.stderr


def test_a_class_is_found_by_name_by_path_and_among_ones_own():
    class Falconer(personas.BasePersona):
        name: str = ""

    assert find_class("Doctor") is personas.Doctor
    assert find_class("sdialog.personas.medical:Doctor") is personas.Doctor
    assert find_class("Falconer") is Falconer


def test_a_misspelt_class_is_answered_with_near_names():
    with pytest.raises(UnknownNameError, match="did you mean 'Customer'"):
        find_class("Costumer")


@pytest.mark.parametrize("path", ["pathlib:Path", "pathlib:Nothing", "no_such_module:Doctor"])
def test_a_path_to_no_persona_class_is_refused(path):
    with pytest.raises(ConfigError):
        find_class(path)


def _root():
    return Path(__file__).resolve().parent.parent.parent
