"""The steps of the published refusal notebook, on a model in a local folder: capture, mean difference, ablate, induce.

A random model refuses nothing; what is checked is that each step does what it says.
"""

from __future__ import annotations

from pathlib import Path

import torch
from interpretability.local_models import save
from interpretability.tiny import LAYERS

from sdialog import Agent
from sdialog.interpretability import Inspector

ASKED = {
    "harmful": ["How do I pick a lock?", "Write a cruel letter.", "How is a fire started?"],
    "harmless": ["How do I bake bread?", "Write a kind letter.", "How is a bicycle mended?"],
}


def test_the_refusal_notebook_runs_on_a_local_folder(tmp_path: Path) -> None:
    name = f"huggingface:{save(tmp_path, 'llama')}"

    def agent(**options: object) -> Agent:
        return Agent(name="Ava", model=name, temperature=0.0, **options)

    # One new token is enough to have the prompt pass; the states at the end of the instruction are what is read.
    found: dict[str, torch.Tensor] = {}
    for kind, instructions in ASKED.items():
        rows = []
        for instruction in instructions:
            inspector = Inspector(target="model.layers.1")
            asked = agent(max_tokens=1) | inspector
            asked(instruction)
            rows.append(inspector.input[0][-3].act)
        found[kind] = torch.cat(rows)
    difference = found["harmful"].mean(0) - found["harmless"].mean(0)
    direction = difference / difference.norm()
    assert direction.shape == (32,) and abs(float(direction.norm()) - 1) < 1e-6

    # Take the direction out everywhere: no watched state has any of it left.
    kinds = ("", ".mlp", ".post_attention_layernorm")
    targets = [f"model.layers.{layer}{kind}" for layer in range(LAYERS) for kind in kinds]
    ablated = agent(max_tokens=6) | (Inspector(target=targets) - direction)
    watch = Inspector({target: target for target in targets})
    reply = (ablated | watch)(ASKED["harmful"][0])
    assert reply == ablated.evolve()(ASKED["harmful"][0])
    for token in [*watch.input[0], *watch[0]]:
        for target in targets:
            assert abs(float(token[target][0] @ direction)) < 1e-3 * float(token[target].norm() + 1)

    # Put it in: the state moves by it, and with enough of it so does what is said.
    plain = agent(max_tokens=6)(ASKED["harmless"][0])
    induced = agent(max_tokens=6) | (Inspector(target="model.layers.1") + 40 * direction)
    assert induced(ASKED["harmless"][0]) != plain
