"""A sparse dictionary of a real model."""

from __future__ import annotations

import pytest
import torch

from sdialog.core.sync import run as run_now
from sdialog.interpretability.sae import (
    ActivationBatches,
    Passage,
    SAEConfig,
    TrainingConfig,
    logit_effects,
    loss_recovered,
    measure,
    page,
    top_examples,
    train,
)
from sdialog.llm.get import resolve
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message


@pytest.mark.slow
def test_a_dictionary_of_the_embedded_model_keeps_what_the_model_needs():
    """Training, loss recovered and cards on the residual stream of a real model's own dialogs."""
    model = resolve("embedded:mini").model
    network = model.network()
    wishes = ["a refund", "my money back", "a new card", "help with my order", "to cancel my flight", "a table for two"]
    said = [
        f"{hello}, {who} {wish}."
        for hello in ("Hello", "Hi", "Good morning")
        for who in ("I want", "I need", "we would like")
        for wish in wishes
    ]
    config = GenerateConfig(max_tokens=16, temperature=0.0)
    replies = run_now(model.generate([GenerateRequest((Message("user", text),), config) for text in said]))
    texts = [
        f"<|user|>{text}<|end|><|assistant|>{reply.text}<|end|>" for text, reply in zip(said, replies, strict=True)
    ]
    ids = [network.tokenizer.encode(text, add_special_tokens=False) for text in texts]
    layer = network.model.model.layers[2]
    assistant = network.tokenizer.convert_tokens_to_ids("<|assistant|>")

    def run(edit=None):
        losses, read = [], []

        def hook(module, arguments, output):
            stream = output[0] if isinstance(output, tuple) else output
            read.append(stream[0].clone())
            if edit is None:
                return None
            return (edit(stream), *output[1:]) if isinstance(output, tuple) else edit(stream)

        handle = layer.register_forward_hook(hook)
        try:
            with torch.no_grad():
                for one in ids:
                    tokens = torch.tensor([one])
                    # What it said itself is what it can lose.
                    labels = tokens.clone()
                    labels[:, : one.index(assistant) + 1] = -100
                    losses.append(float(network.model(input_ids=tokens, labels=labels).loss))
        finally:
            handle.remove()
        return losses, read

    _, read = run()
    pooled = torch.cat(read)
    config = SAEConfig(
        pooled.shape[1],
        512,
        k=16,
        normalisation="expected_norm",
        sites=("layers.2.resid_post",),
        model=network.name,
        fingerprint=network.fingerprint,
    )
    made = {}
    for steps in (1, 400):
        training = TrainingConfig(steps=steps, learning_rate=3e-3, warm_up=20, dead_after=5000)
        sae = train(ActivationBatches(pooled, 256, seed=0), config, training, seed=0).sae
        average = pooled.mean(dim=0)
        recovered = loss_recovered(sae, lambda edit: run(edit)[0], ablation="mean", average=average)
        made[steps] = measure(sae, [pooled]).explained, recovered.recovered
    assert made[400][0] > 0.95
    assert made[400][1] > 0.9 > made[1][1]
    passages = [
        Passage([network.tokenizer.decode([token]) for token in one], values, str(number))
        for number, (one, values) in enumerate(zip(ids, read, strict=True))
    ]
    report = measure(sae, [pooled])
    feature = min(range(512), key=lambda place: abs(report.densities[place] - 0.02))
    vocabulary = [network.tokenizer.decode([token]) for token in range(len(network.model.lm_head.weight))]
    effects = logit_effects(sae, network.model.lm_head.weight, vocabulary, [feature])
    card = top_examples(sae, passages, [feature], seed=0)[0].replace(promotes=effects[feature][0])
    assert card.density == pytest.approx(report.densities[feature])
    assert card.top[0].text in texts[card.top[0].passage]
    assert "Promotes" in page([card])
