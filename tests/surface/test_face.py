"""The public face is one list: what a package announces, what its type-checking twin says, and what is there."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys

import pytest
from surface.source import PACKAGE, modules

FACES = [
    "sdialog",
    "sdialog.personas",
    "sdialog.agents",
    "sdialog.orchestrators",
    "sdialog.generators",
    "sdialog.evaluation",
    "sdialog.interpretability",
    "sdialog.interpretability.sae",
    "sdialog.audio",
]

PUBLISHED = {
    "sdialog": "Dialog Turn Event Context Instruction config __version__ Persona Agent",
    "sdialog.base": "Metadata BaseAttributeModel",
    "sdialog.personas": "BasePersona Persona ExtendedPersona Customer SupportAgent Patient ExtendedPatient Doctor "
    "ExtendedDoctor Nurse Pharmacist Caregiver Teacher Student AcademicAdvisor FinancialAdvisor Banker InsuranceAgent "
    "StoreManager SalesAssociate Shopper HotelReceptionist TravelAgent Tourist Lawyer Paralegal LegalClient "
    "ITSupportSpecialist HelpdeskTechnician EndUser CivilServant SocialWorker Citizen Chef Waiter RestaurantCustomer",
    "sdialog.agents": "Agent final_response_tool",
    "sdialog.orchestrators": "BaseOrchestrator BasePersistentOrchestrator SimpleReflexOrchestrator LengthOrchestrator "
    "ChangeMindOrchestrator SimpleResponseOrchestrator InstructionListOrchestrator",
    "sdialog.orchestrators.base": "BaseOrchestrator BasePersistentOrchestrator",
    "sdialog.generators": "PersonaGenerator ContextGenerator BaseAttributeModelGenerator",
    "sdialog.evaluation": "BackChannelRateScore BaseDialogEmbedder BaseDialogFlowScore BaseDialogScore BaseLLMJudge "
    "CacheDialogScore ColemanLiauScore ConversationalFeatures DaleChallScore DialogFlowPPL DialogFlowScore "
    "FillerWordDensityScore FleschReadingEaseScore GunningFogScore HesitationRateScore LLMJudgePersonaAttributes "
    "LLMJudgeRealDialog LLMJudgeRealDialogLikertScore LLMJudgeRealDialogScore LLMJudgeRefusal LLMJudgeScore "
    "LLMJudgeScoreOutput LLMJudgeYesNo LLMJudgeYesNoOutput LexicalDiversityScore LinguisticFeatureScore "
    "LinsearWriteScore MeanTurnLengthScore QuestionRateScore ReadabilityScore SentenceTransformerDialogEmbedder "
    "ToolSequenceValidator TurnLength TurnTakingRatioScore BaseDatasetEvaluator BaseDatasetScoreEvaluator "
    "BaseDatasetEmbeddingEvaluator StatsEvaluator MeanEvaluator FrequencyEvaluator KDEDistanceEvaluator "
    "FrechetDistanceEvaluator ReferenceCentroidEmbeddingEvaluator FrechetBERTDistanceEvaluator "
    "PrecisionRecallDistanceEvaluator DatasetComparator Comparator",
    "sdialog.interpretability": "Inspector DirectionSteerer InspectionResponse InspectionToken ResponseHook "
    "ActivationHook LogitsHook",
    "sdialog.interpretability.base": "BaseSteerer BaseHook",
    "sdialog.evaluation.base": "BaseDatasetEvaluator BaseDatasetScoreEvaluator BaseDatasetEmbeddingEvaluator "
    "BaseDialogEmbedder BaseDialogFlowScore BaseDialogScore BaseLLMJudge CacheDialogScore "
    "LLMJudgeScoreOutput LLMJudgeYesNoOutput",
    "sdialog.evaluation.dialog2flow": "dialog2trajectories trajectory2graph dialog2graph DEFAULT_SYS_NAME "
    "DEFAULT_USER_NAME DEFAULT_TOKEN_START DEFAULT_TOKEN_END",
    "sdialog.audio": "to_audio dialogs_to_audio DialogAudio Segment register_preset list_presets Voice "
    "BaseVoiceDatabase HuggingfaceVoiceDatabase LocalVoiceDatabase VoiceDatabase "
    "generate_utterances_audios generate_utterance generate_audio_room_accoustic AudioDialog "
    "RoomAcousticsConfig Room RoomPosition AcousticsSimulator SourceVolume Role BaseTTS "
    "BaseDialogTTS PerTurnTTS Dia2TTS KokoroTTS Qwen3TTS Qwen3TTSVoiceClone",
    "sdialog.audio.timeline": "place_turns sample_pause validate_pauses",
    "sdialog.config": "config llm llm_params cache cache_path set_cache clear_cache "
    "set_persona_dialog_generator_prompt set_persona_generator_prompt set_dialog_generator_prompt "
    "set_persona_agent_prompt",
    "sdialog.util": "dict_to_table dialogs_to_utt_pairs get_universal_id get_timestamp make_serializable softmax "
    "KNNModel get_llm_model is_ollama_model_name is_openai_model_name is_huggingface_model_name is_amazon_model_name "
    "is_anthropic_model_name is_azure_openai_model_name is_google_genai_model_name",
}


@pytest.mark.parametrize("name", FACES)
def test_list_twin_and_namespace_agree(name):
    face = importlib.import_module(name)
    announced = set(face.__all__)
    tree = ast.parse((PACKAGE.parent / name.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    twin = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for statement in node.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    eager = announced - twin
    assert twin <= announced, f"in the twin but not in __all__: {twin - announced}"
    assert eager <= {"__version__", "config"} | set(vars(face)), f"lazy but not in the twin: {eager}"
    for attribute in announced:
        assert getattr(face, attribute) is not None
    assert announced <= set(dir(face))


@pytest.mark.parametrize("path", PUBLISHED)
def test_published_names_are_where_scripts_look_for_them(path):
    module = importlib.import_module(path)
    missing = [name for name in PUBLISHED[path].split() if not hasattr(module, name)]
    assert not missing


def test_every_module_says_what_it_is():
    assert not [module.name for module in modules() if not ast.get_docstring(module.tree)]


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, sdialog\n"
        "heavy = {'torch','numpy','openai','ollama','jinja2','pydantic','httpx','asyncio','transformers','yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_a_dialog_needs_pydantic_only():
    code = (
        "import sys; from sdialog import Dialog\n"
        "heavy = {'torch','numpy','openai','ollama','jinja2','httpx','transformers','yaml','rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
