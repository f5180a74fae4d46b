"""The generator of attribute models: rules, a language model, metadata."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from sdialog.core.attributes import AttributeModel, Metadata
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.identity import new_id
from sdialog.core.seeds import derive_seed, fresh_seed
from sdialog.core.sync import run
from sdialog.generators.attributes import Wording, build, default_wording, with_extra
from sdialog.generators.rules import parse_all

if TYPE_CHECKING:
    from sdialog.llm.scheduler import Scheduler

A = TypeVar("A", bound=AttributeModel)


class BaseAttributeModelGenerator(Generic[A]):
    """Makes objects of an attribute model by rules and, for what they leave open, by a language model.

    Each object is its own request with its own sub-seed, so n objects come from n independent answers, side by side.
    The model is looked up when it is first needed: a generator whose rules settle everything needs none.

    Args:
        attribute_model: class to make objects of, or an object whose set attributes they all share.
        generated_attributes: what the model writes where there is no rule and nothing is set: ``"all"``, a list of
            names, or nothing (``None``, ``[]``); or a mapping of rules, see :meth:`set`.
        extra_instructions: further wishes, one a line, added to the system message.
        model: what :func:`sdialog.llm.get.resolve` takes; None for the model of the settings.
        system_prompt: system message in place of the built-in one.
        llm_prompt: Jinja2 text of the user message in place of the built-in one; its variables are those of
            :class:`sdialog.generators.attributes.Wording`.
        llm_prompt_n: taken for the sake of older scripts; every object is asked for with ``llm_prompt``.
        llm_kwargs: options for the model, such as ``temperature``.

    Raises:
        ConfigError: if ``attribute_model`` is neither an attribute model nor an object of one.
        UnknownNameError: if an attribute or a rule is unknown.

    Example:
        >>> from sdialog.personas import Customer
        >>> generator = BaseAttributeModelGenerator(Customer, generated_attributes=None)
        >>> riley = generator.set(age="{18-80}", issue=["double charge", "late delivery"]).generate(seed=13)
        >>> riley.issue in ("double charge", "late delivery")
        True
    """

    def __init__(
        self,
        attribute_model: type[A] | A,
        generated_attributes: str | Collection[str] | Mapping[str, object] | None = "all",
        extra_instructions: str = "",
        model: Any = None,
        system_prompt: str | None = None,
        llm_prompt: str | None = None,
        llm_prompt_n: str | None = None,
        **llm_kwargs: Any,
    ) -> None:
        self._class: type[A] = attribute_model if isinstance(attribute_model, type) else type(attribute_model)
        if not issubclass(self._class, AttributeModel):
            raise ConfigError(
                f"a generator needs a class derived from BasePersona or Context, or an object of one, "
                f"not {attribute_model!r}"
            )
        self._target = attribute_model
        self._rules: dict[str, object] = {}
        self._ask = self._select(generated_attributes)
        self._extra = extra_instructions
        self._system, self._template = system_prompt, llm_prompt
        self._model, self._options = model, llm_kwargs

    def set(self, **rules: object) -> BaseAttributeModelGenerator[A]:
        """Set the rules, in place of all earlier ones.

        Args:
            rules: rules by attribute, in the grammar of :mod:`sdialog.generators.rules`.

        Returns:
            This generator.

        Raises:
            UnknownNameError: if an attribute or a rule is unknown.
            ConfigError: if a rule is written wrongly.
        """
        parse_all(rules, self._class)
        self._rules = dict(rules)
        return self

    def prompt(self) -> str:
        """Return the template of the user message, as it is before an object is put in."""
        return self._wording().template

    @overload
    def generate(
        self,
        n: Literal[1] = 1,
        temperature: float | None = None,
        seed: int | None = None,
        id: int | str | None = None,
        parent_id: int | str | None = None,
        notes: Any = None,
        max_attempts: int = 3,
    ) -> A: ...

    @overload
    def generate(
        self,
        n: int,
        temperature: float | None = None,
        seed: int | None = None,
        id: int | str | None = None,
        parent_id: int | str | None = None,
        notes: Any = None,
        max_attempts: int = 3,
    ) -> A | list[A]: ...

    def generate(
        self,
        n: int = 1,
        temperature: float | None = None,
        seed: int | None = None,
        id: int | str | None = None,
        parent_id: int | str | None = None,
        notes: Any = None,
        max_attempts: int = 3,
    ) -> A | list[A]:
        """Make objects.

        Args:
            n: how many.
            temperature: sampling temperature of this call.
            seed: seed of the draws and requests; a fresh one if None.
            id: id for the metadata, the same for all n; each gets its own if None.
            parent_id: id of what the objects come from, for the metadata.
            notes: anything to keep in the metadata.
            max_attempts: most rounds of asking the model for what is missing, see
                :func:`sdialog.generators.attributes.build`.

        Returns:
            One object, or a list of them when n is not 1. The seed in an object's metadata makes that object again,
            alone, as far as the model keeps to its seed.

        Raises:
            ConfigError: if n is negative, or if a rule cannot be followed.
            LLMError: if a call of the model fails.
        """
        return run(self.agenerate(n, temperature, seed, id, parent_id, notes, max_attempts))

    async def agenerate(
        self,
        n: int = 1,
        temperature: float | None = None,
        seed: int | None = None,
        id: int | str | None = None,
        parent_id: int | str | None = None,
        notes: Any = None,
        max_attempts: int = 3,
        *,
        scheduler: Scheduler | None = None,
    ) -> A | list[A]:
        """Make objects, inside an event loop.

        Args and errors are those of :meth:`generate`; ``scheduler`` shares the model with others.
        """
        if n < 0:
            raise ConfigError(f"n must be at least 0, not {n}")
        seed = fresh_seed() if seed is None else seed
        seeds = [seed] if n == 1 else [derive_seed(seed, "object", index) for index in range(n)]
        options = {**self._options} | ({} if temperature is None else {"temperature": temperature})
        wording = self._wording()
        if scheduler is None:
            from sdialog.llm.wrapping import PatientScheduler

            scheduler = PatientScheduler()

        async def one(seed: int) -> A:
            # Several objects count as conversations, so that a model in this process gets them as one batch.
            together: AbstractContextManager[None] = scheduler.live() if n > 1 else nullcontext()
            with together:
                built = await build(
                    self._target,
                    self._rules,
                    seed=seed,
                    ask=self._ask,
                    model=self._model,
                    options=options,
                    scheduler=scheduler,
                    wording=wording,
                    max_attempts=max_attempts,
                    key=f"{self._class.__name__}/{seed}",
                )
            built.value._metadata = Metadata(
                model=built.model_info,
                seed=seed,
                id=new_id() if id is None else id,
                parentId=parent_id,
                className=self._class.__name__,
                notes=notes,
            )
            return built.value

        made = await _all(one(each) for each in seeds)
        return made[0] if n == 1 else made

    def _select(self, generated: str | Collection[str] | Mapping[str, object] | None) -> tuple[str, ...]:
        if generated == "all":
            return tuple(self._class.model_fields)
        if isinstance(generated, Mapping):
            self.set(**generated)
            return ()
        names = [generated] if isinstance(generated, str) and generated else list(generated or ())
        for name in names:
            if name not in self._class.model_fields:
                raise UnknownNameError(f"attribute of {self._class.__name__}", name, self._class.model_fields)
        return tuple(names)

    def _wording(self) -> Wording:
        built_in = default_wording(self._class, self._extra)
        system = built_in.system if self._system is None else with_extra(self._system, self._extra)
        return Wording(system, self._template or built_in.template)


async def _all(jobs: Iterable[Coroutine[Any, Any, A]]) -> list[A]:
    """Run the jobs side by side; the first failure stops the others and is raised."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
