"""Sites: names, where they are in each family of models, and that reading and changing them does what is said."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from interpretability import tiny

import sdialog.backends
from sdialog.core.errors import ConfigError, UnknownNameError, UnsupportedFeatureError, UserError
from sdialog.interpretability.anatomy.attention import probabilities, watching
from sdialog.interpretability.anatomy.families import Family, families
from sdialog.interpretability.anatomy.places import Anatomy, View, expand, resolve, resolve_all, sites_of
from sdialog.interpretability.anatomy.taps import Tap, attached, edit, forward, read
from sdialog.interpretability.sites import HEAD_KINDS, LAYER_KINDS, MODEL_KINDS, Site
from sdialog.llm.interventions import Network

SEQUENTIAL = [name for name in tiny.NAMES if name not in tiny.PARALLEL]
# transformers refuses sdpa where scores are capped.
EITHER = [(name, how) for name in tiny.NAMES for how in ("eager", "sdpa") if (name, how) != ("gemma2", "sdpa")]
EXACT = {"rtol": 0, "atol": 1e-6}
# Sums in another order end in other digits.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@cache
def model_of(name: str, attention: str = "eager"):
    return tiny.build(name, attention=attention)


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


def _plain(model, ids, mask=None, **options):
    positions = None if mask is None else (mask.cumsum(-1) - 1).clamp(min=0)
    return model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, **options)


# -- names

_numbers = st.integers(0, 200)
_layers = st.one_of(st.integers(-100, 200), st.just("*"))
_word = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}|[0-9]{1,3}", fullmatch=True)
_paths = st.one_of(
    st.lists(_word, min_size=1, max_size=6).map(".".join),
    st.sampled_from(["embed", "logits", "layers.3.resid_pre", "layers.0.mlp_act.4", "layers.1.head.2.z"]),
)
_sites = st.one_of(
    st.builds(Site, st.sampled_from(MODEL_KINDS)),
    st.builds(Site, st.sampled_from(LAYER_KINDS), _layers),
    st.builds(Site, st.sampled_from(HEAD_KINDS), _layers, st.one_of(_numbers, st.just("*"))),
    st.builds(lambda layer, unit: Site("mlp_act", layer, unit=unit), _layers, _numbers),
    st.builds(lambda path, side: Site("module", path=path, side=side), _paths, st.sampled_from(["in", "out"])),
)


@given(_sites)
def test_a_site_is_read_back_from_its_name(site):
    assert Site.parse(str(site)) == site


@pytest.mark.parametrize(
    "name",
    [
        *("embed", "final_norm", "logits", "layers.12.resid_pre", "layers.-1.resid_post", "layers.*.attn_out"),
        *("layers.3.head.11.pattern", "layers.0.mlp_act.1023", "model.layers.3.mlp", "model.layers.3.mlp:in"),
        *("layers.3.mlp", "layers.*.head.*.z", "logits:in"),
    ],
)
def test_names_stay_as_they_are_written(name):
    assert str(Site.parse(name)) == name


def test_what_is_no_portable_name_is_the_path_of_a_module():
    assert not Site.parse("layers.2.mlp_out").is_path
    typo = Site.parse("layers.2.mlp_oot")
    assert typo.is_path and typo.path == "layers.2.mlp_oot" and typo.side == "out"
    assert Site.parse("a.b:out") == Site.parse("a.b")
    # A module may be called like a site.
    assert Site.parse("embed:out") == Site("module", path="embed") != Site.parse("embed")


@pytest.mark.parametrize("name", ["", " ", "a b", "model.layers:inside", "a:in:out", ":in", 3, None])
def test_texts_that_cannot_be_names_are_refused(name):
    with pytest.raises(ConfigError):
        Site.parse(name)


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": "resid_pre"},
        {"kind": "nonsense", "layer": 0},
        {"kind": "resid_pre", "layer": 0, "head": 1},
        {"kind": "mlp_pre", "layer": 0, "unit": 1},
        {"kind": "z", "layer": 0, "head": -1},
        {"kind": "logits", "layer": 0},
        {"kind": "logits", "side": "in"},
        {"kind": "module", "path": "a b"},
        {"kind": "module", "path": "a:in"},
        {"kind": "module", "path": "a", "layer": 1},
    ],
)
def test_parts_that_make_no_site_are_refused(parts):
    with pytest.raises(ConfigError, match="not a site"):
        Site(**parts)


# -- what is at a site, in every family


@pytest.mark.parametrize("name", tiny.NAMES)
def test_the_stream_and_attention_are_those_that_transformers_reports(name):
    model, ids = model_of(name), tiny.tokens()
    found = read(model, ["layers.*.resid_pre", "layers.*.resid_post", "layers.*.pattern", "final_norm", "logits"], ids)
    reported = _plain(model, ids, output_hidden_states=True, output_attentions=True)
    for layer in range(tiny.LAYERS):
        torch.testing.assert_close(found[f"layers.{layer}.resid_pre"], reported.hidden_states[layer], **EXACT)
        torch.testing.assert_close(found[f"layers.{layer}.pattern"], reported.attentions[layer], **EXACT)
        if layer < tiny.LAYERS - 1:  # of the last one transformers reports what the norm makes of it
            torch.testing.assert_close(found[f"layers.{layer}.resid_post"], reported.hidden_states[layer + 1], **EXACT)
    torch.testing.assert_close(found["final_norm"], reported.hidden_states[-1], **EXACT)
    assert torch.equal(found["logits"], reported.logits)


@pytest.mark.parametrize("name", tiny.NAMES)
def test_attention_and_mlp_add_up_to_the_stream(name):
    model = model_of(name)
    kinds = Anatomy(model).kinds()
    found = read(model, [f"layers.*.{kind}" for kind in kinds], tiny.tokens())
    assert ("resid_mid" in kinds) == (name not in tiny.PARALLEL)
    for layer in range(tiny.LAYERS):
        pre, attn, mlp, post = (
            found[f"layers.{layer}.{kind}"] for kind in ("resid_pre", "attn_out", "mlp_out", "resid_post")
        )
        torch.testing.assert_close(pre + attn + mlp, post, **CLOSE)
        if "resid_mid" in kinds:
            torch.testing.assert_close(pre + attn, found[f"layers.{layer}.resid_mid"], **EXACT)
            torch.testing.assert_close(found[f"layers.{layer}.resid_mid"] + mlp, post, **EXACT)


@pytest.mark.parametrize("name", tiny.NAMES)
def test_shapes_are_the_promised_ones(name):
    model, (rows, tokens) = model_of(name), (2, 9)
    anatomy = Anatomy(model)
    found = read(model, [*(f"layers.1.{kind}" for kind in anatomy.kinds()), *MODEL_KINDS], tiny.tokens(rows, tokens))
    heads, keys, length = anatomy.heads, anatomy.key_heads, anatomy.head_width
    assert (heads, keys) == (tiny.HEADS, tiny.HEADS if name.startswith("gpt") else tiny.KEY_HEADS)
    special = {
        "q": (rows, tokens, heads, length),
        "k": (rows, tokens, keys, length),
        "v": (rows, tokens, keys, length),
        "z": (rows, tokens, heads, length),
        "pattern": (rows, heads, tokens, tokens),
        "logits": (rows, tokens, tiny.VOCABULARY),
        **dict.fromkeys(("mlp_pre", "mlp_act"), (rows, tokens, tiny.INNER)),
    }
    for site, tensor in found.items():
        kind = site.rpartition(".")[2]
        assert tensor.shape == special.get(kind, (rows, tokens, tiny.WIDTH)), site
        width = resolve(site, model).width
        assert width == (None if kind == "pattern" else tensor.shape[-1]), site


@pytest.mark.parametrize("name", tiny.NAMES)
def test_heads_gather_values_by_their_pattern(name):
    """z = pattern v, and pattern = softmax(q k / sqrt(length)) under the causal mask, for families without more."""
    found = read(model_of(name), [f"layers.1.{kind}" for kind in ("q", "k", "v", "pattern", "z")], tiny.tokens())
    q, k, v, pattern, z = (found[f"layers.1.{kind}"] for kind in ("q", "k", "v", "pattern", "z"))
    shared = q.shape[2] // k.shape[2]
    k, v = k.repeat_interleave(shared, 2), v.repeat_interleave(shared, 2)
    torch.testing.assert_close(torch.einsum("rhtc,rchd->rthd", pattern, v), z, **CLOSE)
    if name not in ("gemma2", "mistral"):  # which cap scores, or look back over a few tokens only
        scores = torch.einsum("rthd,rchd->rhtc", q, k) / q.shape[-1] ** 0.5
        future = torch.ones(9, 9, dtype=torch.bool).triu(1)
        torch.testing.assert_close(scores.masked_fill(future, -torch.inf).softmax(-1), pattern, **CLOSE)


@pytest.mark.parametrize("name", [name for name in tiny.NAMES if name not in tiny.POST_NORMS])
def test_heads_through_the_projection_are_what_attention_adds(name):
    model = model_of(name)
    found = read(model, ["layers.1.z", "layers.1.attn_out"], tiny.tokens())
    projected = resolve("layers.1.z", model).module(found["layers.1.z"].flatten(-2))
    torch.testing.assert_close(projected, found["layers.1.attn_out"], **CLOSE)


_ACTIVATIONS = {"gpt2": "act", "gpt_neox": "act", "gpt_neox_sequential": "act", "phi": "activation_fn"}


@pytest.mark.parametrize("name", tiny.NAMES)
def test_the_mlp_is_its_activation_between_two_projections(name):
    model = model_of(name)
    found = read(model, ["layers.1.mlp_pre", "layers.1.mlp_act"], tiny.tokens())
    mlp = Anatomy(model).part(1, "mlp")
    before, after = found["layers.1.mlp_pre"], found["layers.1.mlp_act"]
    if name in _ACTIVATIONS:
        torch.testing.assert_close(getattr(mlp, _ACTIVATIONS[name])(before), after, **EXACT)
        return
    gate = getattr(mlp, "act_fn", None) or mlp.activation_fn
    path = "model.layers.1.mlp.gate_up_proj" if name == "phi3" else "model.layers.1.mlp.up_proj"
    up = read(model, [path], tiny.tokens())[path][..., -tiny.INNER :]
    torch.testing.assert_close(gate(before) * up, after, **EXACT)


def test_embeddings_and_positions_make_the_first_stream():
    found = read(model_of("gpt2"), ["embed", "transformer.wpe", "layers.0.resid_pre"], tiny.tokens())
    torch.testing.assert_close(found["embed"] + found["transformer.wpe"], found["layers.0.resid_pre"], **EXACT)
    for name in ("llama", "gemma3_text", "gpt_neox"):
        found = read(model_of(name), ["embed", "layers.0.resid_pre"], tiny.tokens())
        assert torch.equal(found["embed"], found["layers.0.resid_pre"])


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "phi3"])
def test_one_head_and_one_neuron_are_slices(name):
    model, ids = model_of(name), tiny.tokens()
    names = [f"layers.-1.head.1.{kind}" for kind in HEAD_KINDS]
    found = read(
        model, [*names, "layers.-1.mlp_act.7", *(f"layers.2.{kind}" for kind in (*HEAD_KINDS, "mlp_act"))], ids
    )
    for kind in ("q", "k", "v", "z"):
        assert torch.equal(found[f"layers.-1.head.1.{kind}"], found[f"layers.2.{kind}"][:, :, 1])
    assert torch.equal(found["layers.-1.head.1.pattern"], found["layers.2.pattern"][:, 1])
    assert torch.equal(found["layers.-1.mlp_act.7"], found["layers.2.mlp_act"][..., 7:8])


def test_what_is_read_are_copies():
    sites = ["layers.0.resid_post", "layers.1.resid_pre", "layers.1.z", "layers.1.head.0.z", "layers.1.k", "logits"]
    found = read(model_of("llama"), sites, tiny.tokens())
    assert len({tensor.untyped_storage().data_ptr() for tensor in found.values()}) == len(sites)
    for tensor in found.values():
        assert tensor.untyped_storage().nbytes() == tensor.numel() * 4


@pytest.mark.parametrize(("name", "attention"), EITHER)
def test_looking_changes_nothing(name, attention):
    model, ids = model_of(name, attention), tiny.tokens()
    before = _plain(model, ids).logits
    sites = [f"layers.*.{kind}" for kind in Anatomy(model).kinds()]
    assert torch.equal(read(model, [*sites, "logits"], ids)["logits"], before)
    assert torch.equal(_plain(model, ids).logits, before)
    assert model.config._attn_implementation == attention


@pytest.mark.parametrize("name", [name for name in tiny.NAMES if name != "gemma2"])
def test_the_pattern_is_the_same_whatever_computes_attention(name):
    sites, ids = [f"layers.*.{kind}" for kind in HEAD_KINDS], tiny.tokens()
    first, second = (read(model_of(name, attention), sites, ids) for attention in ("eager", "sdpa"))
    for site, tensor in first.items():
        torch.testing.assert_close(second[site], tensor, **CLOSE)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("name", "attention"), EITHER)
def test_padding_on_either_side_changes_nothing(name, attention, side):
    model = model_of(name, attention)
    lengths, width = (4, 9, 7), 9
    sites = [f"layers.*.{kind}" for kind in Anatomy(model).kinds()]
    rows = [tiny.tokens(1, length, seed=length)[0] for length in lengths]
    ids, mask = torch.zeros(3, width, dtype=torch.long), torch.zeros(3, width, dtype=torch.long)
    parts = [slice(width - n, width) if side == "left" else slice(0, n) for n in lengths]
    for row, (part, tokens) in enumerate(zip(parts, rows, strict=True)):
        ids[row, part], mask[row, part] = tokens, 1
    together = read(model, [*sites, "logits"], ids, mask)
    for row, (part, tokens) in enumerate(zip(parts, rows, strict=True)):
        alone = read(model, [*sites, "logits"], tokens[None])
        for site, tensor in alone.items():
            own = together[site][row]
            own = own[:, part, part] if site.endswith("pattern") else own[part]
            torch.testing.assert_close(
                own, tensor[0], rtol=1e-5, atol=2e-5, msg=lambda text, site=site: f"{site} {text}"
            )


# -- changing what is there


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_an_edit_between_attention_and_mlp_moves_the_stream(name):
    """resid_post moves by the edit itself and by what the MLP makes of it; see defect S9 of the design."""
    model, ids = model_of(name), tiny.tokens()
    push = torch.randn(tiny.WIDTH, generator=torch.Generator().manual_seed(3))
    anatomy, seen = Anatomy(model), {}

    def keep(site):
        return Tap(anatomy.place(site), lambda tensor: seen.__setitem__(site, tensor.clone()), edits=False)

    plain = read(model, ["layers.1.resid_pre", "layers.1.resid_mid", "layers.1.mlp_out", "layers.1.resid_post"], ids)
    moved = Tap(anatomy.place("layers.1.resid_mid"), lambda tensor: tensor + push)
    with attached([moved, *(keep(site) for site in plain)]):
        _plain(model, ids)
    torch.testing.assert_close(seen["layers.1.resid_pre"], plain["layers.1.resid_pre"], **EXACT)
    torch.testing.assert_close(seen["layers.1.resid_mid"] - plain["layers.1.resid_mid"], push.expand(2, 9, -1), **CLOSE)
    by_mlp = seen["layers.1.mlp_out"] - plain["layers.1.mlp_out"]
    assert by_mlp.abs().max() > 0.01
    torch.testing.assert_close(seen["layers.1.resid_post"] - plain["layers.1.resid_post"], push + by_mlp, **CLOSE)


def test_an_edit_of_a_norms_input_by_path_is_that_and_no_more():
    model, ids = model_of("llama"), tiny.tokens()
    anatomy, seen = Anatomy(model), {}
    norm = Tap(anatomy.place("model.layers.1.post_attention_layernorm:in"), lambda tensor: tensor + 1)
    sites = ["layers.1.mlp_out", "layers.1.resid_post"]
    plain = read(model, sites, ids)
    taps = [Tap(anatomy.place(s), lambda tensor, s=s: seen.__setitem__(s, tensor.clone()), edits=False) for s in sites]
    with attached([norm, *taps]):
        _plain(model, ids)
    by_mlp = seen["layers.1.mlp_out"] - plain["layers.1.mlp_out"]
    torch.testing.assert_close(seen["layers.1.resid_post"] - plain["layers.1.resid_post"], by_mlp, **CLOSE)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_an_edit_of_what_attention_reads_is_none_of_the_stream_between(name):
    model, ids = model_of(name), tiny.tokens()
    anatomy, seen = Anatomy(model), []
    family = anatomy.family
    reads = anatomy.path(1, family.attention_norm or family.attention)
    turned = Tap(anatomy.place(f"{reads}:in"), lambda tensor: tensor.roll(1, -1))
    look = Tap(anatomy.place("layers.1.resid_mid"), lambda tensor: seen.append(tensor.clone()))
    with attached([turned, look]):
        _plain(model, ids)
    with attached([turned, Tap(look.place, look.function, edits=False)]):
        _plain(model, ids)
    torch.testing.assert_close(seen[0], seen[1], **EXACT)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_edits_before_one_between_attention_and_mlp_are_seen_there(name):
    model, ids = model_of(name), tiny.tokens()
    replaced = tiny.tokens(seed=5)
    other = read(model, ["layers.1.resid_pre", "layers.1.resid_mid"], replaced)
    expected = _plain(model, replaced).logits
    mids = []
    # resid_mid is named first: order of naming is not that of the model.
    logits = edit(
        model,
        {"layers.1.resid_mid": lambda x: mids.append(x), "layers.1.resid_pre": lambda _: other["layers.1.resid_pre"]},
        ids,
    )
    torch.testing.assert_close(mids[0], other["layers.1.resid_mid"], **EXACT)
    torch.testing.assert_close(logits, expected, **CLOSE)


@pytest.mark.parametrize("name", tiny.NAMES)
def test_putting_in_what_another_text_has_gives_what_follows_from_it(name):
    """All that a layer adds comes from these sites, so that the layer's output is the other text's."""
    model, ids, replaced = model_of(name), tiny.tokens(), tiny.tokens(seed=5)
    expected = read(model, ["logits"], replaced)["logits"]
    stages = [
        ["embed", *(["transformer.wpe"] if name == "gpt2" else [])],
        ["layers.0.resid_pre"],
        ["layers.2.resid_post"],
        ["final_norm"],
        ["logits"],
        ["layers.1.resid_pre", "layers.1.attn_out", "layers.1.mlp_out"],
        ["layers.1.resid_pre", "layers.1.z", "layers.1.mlp_act"],
        ["layers.1.resid_pre", "layers.1.q", "layers.1.k", "layers.1.v", "layers.1.mlp_out"],
        ["layers.1.resid_pre", "layers.1.pattern", "layers.1.v", "layers.1.mlp_out"],
    ]
    if name not in tiny.PARALLEL:
        stages.append(["layers.1.resid_mid"])
    for sites in stages:
        other = read(model, sites, replaced)
        logits = edit(model, {site: lambda _, to=to: to for site, to in other.items()}, ids)
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4, msg=lambda text, s=sites: f"{s} {text}")


@pytest.mark.parametrize("kind", ["q", "k", "v", "z", "pattern"])
@pytest.mark.parametrize("name", ["llama", "gemma3_text", "gpt2", "gpt_neox"])
def test_heads_are_changed_one_by_one(name, kind):
    model, ids = model_of(name, "sdpa"), tiny.tokens()
    heads = Anatomy(model).key_heads if kind in ("k", "v") else tiny.HEADS
    axis = 1 if kind == "pattern" else 2

    def scale_second(tensor):
        factor = torch.ones(heads)
        factor[1] = 0.5
        return tensor * factor.reshape([-1 if place == axis else 1 for place in range(4)])

    one = edit(model, {f"layers.1.head.1.{kind}": lambda tensor: tensor * 0.5}, ids)
    all_at_once = edit(model, {f"layers.1.{kind}": scale_second}, ids)
    torch.testing.assert_close(one, all_at_once, **EXACT)
    assert (one - _plain(model, ids).logits).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["llama", "phi3", "gpt2"])
def test_a_neuron_is_its_row_of_the_last_projection(name):
    model, ids = model_of(name), tiny.tokens()
    weight = resolve("layers.1.mlp_act", model).module.weight
    row = weight[7] if name == "gpt2" else weight[:, 7]
    anatomy, seen = Anatomy(model), {}
    plain = read(model, ["layers.1.mlp_out"], ids)["layers.1.mlp_out"]
    keep = Tap(anatomy.place("layers.1.mlp_out"), lambda tensor: seen.update(out=tensor.clone()), edits=False)
    with attached([Tap(anatomy.place("layers.1.mlp_act.7"), lambda tensor: tensor + 2), keep]):
        _plain(model, ids)
    torch.testing.assert_close(seen["out"] - plain, (2 * row).expand(2, 9, -1), **CLOSE)


def test_the_gate_of_fused_projections_is_changed_alone():
    model, ids = model_of("phi3"), tiny.tokens()
    path = "model.layers.1.mlp.gate_up_proj"
    anatomy, seen = Anatomy(model), {}
    plain = read(model, [path], ids)[path]
    keep = Tap(anatomy.place(path), lambda tensor: seen.update(out=tensor.clone()), edits=False)
    with attached([Tap(anatomy.place("layers.1.mlp_pre"), lambda tensor: tensor + 1), keep]):
        _plain(model, ids)
    torch.testing.assert_close(seen["out"][..., : tiny.INNER], plain[..., : tiny.INNER] + 1, **EXACT)
    assert torch.equal(seen["out"][..., tiny.INNER :], plain[..., tiny.INNER :])


@pytest.mark.parametrize("name", tiny.NAMES)
def test_adding_and_taking_away_again_leaves_the_logits(name):
    model, ids = model_of(name), tiny.tokens()
    before = _plain(model, ids).logits
    for kind in Anatomy(model).kinds():
        anatomy = Anatomy(model)
        place = anatomy.place(f"layers.1.{kind}")
        with attached([Tap(place, lambda tensor: tensor + 1), Tap(place, lambda tensor: tensor - 1)]):
            after = _plain(model, ids).logits
        torch.testing.assert_close(after, before, rtol=0, atol=2e-5, msg=lambda text, kind=kind: f"{kind} {text}")


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_at_one_place_each_sees_what_those_before_have_made(kind):
    model, ids = model_of("llama"), tiny.tokens()
    place, seen = Anatomy(model).place(f"layers.1.{kind}"), []
    look = Tap(place, lambda tensor: seen.append(tensor.clone()), edits=False)
    add = Tap(place, lambda tensor: tensor + 1)
    with attached([look, add, look, add, look]):
        _plain(model, ids)
    assert torch.equal(seen[0], read(model, [f"layers.1.{kind}"], ids)[f"layers.1.{kind}"])
    for more, tensor in enumerate(seen):
        torch.testing.assert_close(tensor, seen[0] + more, **CLOSE)


def test_functions_that_leave_the_tensor_leave_the_bits():
    for name in tiny.NAMES:
        model, ids = model_of(name), tiny.tokens()
        before = _plain(model, ids).logits
        sites = [f"layers.*.{kind}" for kind in Anatomy(model).kinds()]
        assert torch.equal(edit(model, dict.fromkeys(sites, lambda _: None), ids), before)
        same = [site for site in sites if not site.endswith("pattern")]
        assert torch.equal(edit(model, dict.fromkeys(same, lambda tensor: tensor), ids), before), name


def test_a_function_that_changes_its_argument_changes_nothing_else():
    """The published package's edits in place reached other tensors that share the memory (defect S9)."""
    model, ids = model_of("llama"), tiny.tokens()
    before = _plain(model, ids).logits

    def spoil(tensor):
        tensor.zero_()

    for site in ("layers.1.resid_pre", "layers.1.resid_mid", "layers.1.k", "layers.1.head.0.z"):
        assert torch.equal(edit(model, {site: spoil}, ids), before), site
    kept = edit(model, {"model.layers.1.input_layernorm:in": lambda tensor: tensor.mul_(2)}, ids)
    new = edit(model, {"model.layers.1.input_layernorm:in": lambda tensor: tensor * 2}, ids)
    assert torch.equal(kept, new)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("name", ["llama", "gemma3_text", "gpt2", "phi"])
def test_keys_and_values_changed_once_stay_changed_in_the_cache(name, attention):
    """Token after token with a cache gives what one call gives: each column is changed once, and stays so."""
    model, ids = model_of(name, attention), tiny.tokens(2, 9)
    anatomy = Anatomy(model)
    patterns = []
    taps = [Tap(anatomy.place(f"layers.{n}.{kind}"), lambda tensor: tensor * 1.5) for n in (0, 2) for kind in "qkv"]
    look = Tap(anatomy.place("layers.2.pattern"), lambda tensor: patterns.append(tensor.clone()), edits=False)
    with attached(taps):
        whole = _plain(model, ids).logits
    cache, logits = transformers.DynamicCache(config=model.config), []
    for part in (slice(0, 5), *(slice(n, n + 1) for n in range(5, 9))):
        with attached([*taps, look]):
            logits.append(model(ids[:, part], past_key_values=cache, use_cache=True).logits)
    torch.testing.assert_close(torch.cat(logits, 1), whole, **CLOSE)
    if name != "gemma3_text":  # its cache lets go of what is out of sight
        assert [pattern.shape[2:] for pattern in patterns] == [(5, 5), (1, 6), (1, 7), (1, 8), (1, 9)]
    for pattern in patterns:
        torch.testing.assert_close(pattern.sum(-1), torch.ones(pattern.shape[:-1]), **CLOSE)


def test_the_backends_own_cache_and_attention_can_be_looked_into():
    from sdialog.backends._hf_model import LocalModel
    from sdialog.backends._hf_source import Source

    with torch.inference_mode():
        local = LocalModel.load(Source(str(Path(sdialog.backends.__file__).parent / "mini"), "float32", "cpu"))
        anatomy, used = Anatomy(local.model), local.model.config._attn_implementation
        assert anatomy.layers == 4 and anatomy.key_heads < anatomy.heads
        ids = torch.arange(20, 34).view(2, 7)
        positions, patterns = torch.arange(7).expand(2, 7), []
        taps = [Tap(anatomy.place("layers.1.head.0.k"), lambda tensor: tensor * 1.5)]
        taps += [Tap(anatomy.place("layers.2.head.1.v"), lambda tensor: tensor + 1)]
        taps += [Tap(anatomy.place("layers.3.pattern"), lambda tensor: patterns.append(tensor.clone()), edits=False)]
        mask = torch.ones(2, 7, dtype=torch.bool)
        mask[1, :2] = False
        positions = (mask.long().cumsum(1) - 1).clamp(min=0)
        with attached(taps):
            whole = local.scores(ids, positions, mask)
        cache = local.new_cache(2, 16)
        for start, stop in ((0, 5), (5, 6), (6, 7)):
            with cache.window(0, 2, start, stop - start), attached(taps):
                stepped = local.scores(ids[:, start:stop], positions[:, start:stop], mask[:, :stop], cache.cache)
        plain = local.scores(ids, positions, mask)
    torch.testing.assert_close(stepped, whole, rtol=1e-4, atol=1e-4)
    assert (stepped - plain).abs().max() > 0.01
    torch.testing.assert_close(patterns[-1], patterns[0][:, :, -1:], **CLOSE)
    assert patterns[-1][1, :, :, :2].abs().max() < 1e-6
    assert local.model.config._attn_implementation == used


def test_a_network_runs_in_the_thread_in_which_it_generates():
    from concurrent.futures import ThreadPoolExecutor
    from threading import current_thread

    with ThreadPoolExecutor(1, thread_name_prefix="of the model") as pool:
        model, ids, threads = model_of("llama", "sdpa"), tiny.tokens(), []
        network = Network(model, None, call=lambda function: pool.submit(function).result())

        def look(_):
            threads.append((current_thread().name, torch.is_grad_enabled()))

        plain = edit(network, {"layers.1.q": look, "layers.1.resid_mid": look}, ids)
        with torch.enable_grad():
            assert forward(network, ids, taps=[Tap(resolve("layers.1.pattern", network), look)]).requires_grad
    assert [name.startswith("of the model") for name, _ in threads] == [True, True, True]
    assert [recorded for _, recorded in threads] == [False, False, True]
    assert torch.equal(plain, _plain(model, ids).logits)


def test_gradients_reach_what_is_read_and_what_is_put_in():
    model, ids = model_of("llama"), tiny.tokens(1, 6)
    with torch.enable_grad():
        sites = [f"layers.1.{kind}" for kind in Anatomy(model).kinds()]
        for site in sites:
            start = read(model, [site], ids)[site].detach().requires_grad_()
            if site == "layers.1.resid_mid":
                logits = edit(model, {site: lambda x, start=start: start * 1}, ids)
            else:
                logits = edit(model, {site: lambda _, start=start: start}, ids)
            (slope,) = torch.autograd.grad(logits[0, -1, 5], start)
            assert slope.abs().sum() > 0, site
        # The slope along a direction is the limit of differences.
        step = torch.randn(tiny.WIDTH, generator=torch.Generator().manual_seed(1))
        start = read(model, ["layers.1.resid_mid"], ids)["layers.1.resid_mid"].detach().requires_grad_()
        logit = edit(model, {"layers.1.resid_mid": lambda _: start}, ids)[0, -1, 5]
        (slope,) = torch.autograd.grad(logit, start)
    ends = [edit(model, {"layers.1.resid_mid": lambda x, a=a: x + a * step}, ids)[0, -1, 5] for a in (1e-2, -1e-2)]
    torch.testing.assert_close((ends[0] - ends[1]) / 2e-2, (slope * step).sum(), rtol=2e-2, atol=2e-3)


# -- no trace is left


def test_no_hook_is_left_behind():
    for name in ("llama", "gpt2", "phi"):
        model = tiny.build(name)
        _plain(model, tiny.tokens(), output_hidden_states=True)  # transformers puts its own hooks on at the first call
        before = tiny.hooks_of(model)
        sites = [f"layers.*.{kind}" for kind in Anatomy(model).kinds()]
        read(model, [*sites, *MODEL_KINDS], tiny.tokens())
        edit(model, dict.fromkeys(sites, lambda tensor: tensor * 1), tiny.tokens())
        assert tiny.hooks_of(model) == before


@pytest.mark.parametrize("kind", ["resid_pre", "resid_mid", "pattern", "k", "z"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_no_hook_is_left_behind_after_an_exception(kind, error):
    model, ids = tiny.build("llama", attention="sdpa"), tiny.tokens()
    before, plain = tiny.hooks_of(model), _plain(model, ids).logits

    def fail(_):
        raise error("on purpose")

    with pytest.raises(error, match="on purpose"):
        edit(model, {"layers.0.resid_mid": lambda x: x + 1, f"layers.1.{kind}": fail, "layers.2.q": lambda x: x}, ids)
    assert tiny.hooks_of(model) == before
    assert model.config._attn_implementation == "sdpa"
    assert torch.equal(_plain(model, ids).logits, plain)


def test_blocks_can_be_nested():
    model, ids = model_of("llama", "sdpa"), tiny.tokens()
    anatomy = Anatomy(model)
    place = anatomy.place("layers.1.v")
    seen = []
    with attached([Tap(place, lambda tensor: tensor * 2)]):
        with attached([Tap(place, lambda tensor: seen.append(tensor.clone()), edits=False)]):
            _plain(model, ids)
        doubled = _plain(model, ids).logits
    torch.testing.assert_close(seen[0], 2 * read(model, ["layers.1.v"], ids)["layers.1.v"], **EXACT)
    assert len(seen) == 1
    assert torch.equal(doubled, edit(model, {"layers.1.v": lambda tensor: tensor * 2}, ids))
    assert model.config._attn_implementation == "sdpa"


def test_two_models_do_not_see_each_other():
    first, second, ids = model_of("llama", "sdpa"), tiny.build("llama", attention="sdpa", seed=1), tiny.tokens()
    plain, calls = _plain(second, ids).logits, []
    place = Anatomy(first).place("layers.0.q")
    with watching({place.module: {"q": [lambda tensor: calls.append(tensor.shape)]}}):
        assert torch.equal(_plain(second, ids).logits, plain)
        assert calls == []
        _plain(first, ids)
    assert calls == [(2, 9, tiny.HEADS, 8)]


# -- what is not there


def test_names_that_stand_for_several_sites():
    model = model_of("llama")
    assert [str(site) for site in expand("layers.*.z", model)] == [f"layers.{n}.z" for n in range(tiny.LAYERS)]
    assert len(expand("layers.*.head.*.z", model)) == tiny.LAYERS * tiny.HEADS
    assert [str(site) for site in expand("layers.0.head.*.k", model)] == ["layers.0.head.0.k", "layers.0.head.1.k"]
    assert expand("embed", model) == [Site("embed")]
    assert len(resolve_all(["layers.*.resid_pre", "logits"], model)) == tiny.LAYERS + 1
    with pytest.raises(ConfigError, match="expand"):
        resolve("layers.*.z", model)


def test_layers_count_from_the_end_too():
    place = resolve("layers.-1.resid_pre", Network(model_of("llama"), None))
    assert str(place.site) == "layers.2.resid_pre" and place.path == "model.layers.2" and place.side == "in"


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ("layers.3.resid_pre", "3 layers, 0 to 2 or -3 to -1"),
        ("layers.-4.resid_pre", "3 layers"),
        ("layers.0.head.4.z", "z has 4 heads in this model, 0 to 3"),
        ("layers.0.head.2.k", "k has 2 heads in this model, shared by 4 query heads, 0 to 1"),
        ("layers.0.mlp_act.48", "0 to 47"),
        ("model.layers", "computes nothing"),
    ],
)
def test_numbers_out_of_range(site, message):
    with pytest.raises(ConfigError, match=message):
        resolve(site, model_of("llama"))


@pytest.mark.parametrize(
    ("site", "near"),
    [
        ("layers.2.resid_pst", "layers.2.resid_post"),
        ("logit", "logits"),
        ("model.layers.1.self_atn", "model.layers.1.self_attn"),
    ],
)
def test_unknown_names_come_with_near_ones(site, near):
    with pytest.raises(UnknownNameError) as caught:
        resolve(site, model_of("llama"))
    assert near in caught.value.near


@pytest.mark.parametrize("name", tiny.PARALLEL)
def test_sites_that_a_family_does_not_have(name):
    with pytest.raises(UnsupportedFeatureError, match="use resid_pre, resid_post"):
        read(model_of(name), ["layers.1.resid_mid"], tiny.tokens())
    assert not [site for site in sites_of(model_of(name)) if site.endswith("resid_mid")]


def test_every_listed_name_can_be_resolved():
    for name in tiny.NAMES:
        model = model_of(name)
        listed = sites_of(model)
        assert {"embed", "layers.2.pattern", "logits"} <= set(listed)
        for site in listed:
            try:
                resolve(site, model)
            except ConfigError as error:
                assert "computes nothing" in str(error)


def test_families_that_nobody_knows_go_by_path():
    config = transformers.BloomConfig(vocab_size=tiny.VOCABULARY, hidden_size=32, n_layer=2, n_head=4)
    model, ids = transformers.BloomForCausalLM(config).eval(), tiny.tokens()
    with pytest.raises(UnsupportedFeatureError, match=r"bloom models, but of gemma, .*transformer\.h\.0:out"):
        resolve("layers.0.resid_pre", model)
    found = read(model, ["transformer.h.0:in", "transformer.h.0", "logits"], ids)
    reported = _plain(model, ids, output_hidden_states=True)
    torch.testing.assert_close(found["transformer.h.0:in"], reported.hidden_states[0], **EXACT)
    torch.testing.assert_close(found["transformer.h.0"], reported.hidden_states[1], **EXACT)


def test_a_family_can_be_added(monkeypatch):
    monkeypatch.setattr(families, "_parts", dict(families._parts))
    monkeypatch.setattr(families, "_origins", dict(families._origins))
    layout = Family(
        layers="transformer.h",
        final_norm="transformer.ln_f",
        embed="transformer.word_embeddings",
        attention="self_attention",
        projection="self_attention.dense",
        gate="mlp.dense_h_to_4h",
        down="mlp.dense_4h_to_h",
    )
    families.register("bloom")(layout)
    config = transformers.BloomConfig(vocab_size=tiny.VOCABULARY, hidden_size=32, n_layer=2, n_head=4)
    model = transformers.BloomForCausalLM(config).eval()
    found = read(model, ["layers.1.resid_pre", "layers.1.mlp_act"], tiny.tokens())
    assert found["layers.1.mlp_act"].shape == (2, 9, 128)


def test_a_layout_that_does_not_fit_says_so():
    model = tiny.build("llama")
    model.config.model_type = "gpt2"
    with pytest.raises(UnsupportedFeatureError, match=r"gpt2 model should have it at transformer\.h"):
        resolve("layers.0.resid_pre", model)


def test_compiled_and_quantised_models_are_refused():
    compiled = torch.compile(tiny.build("llama"))
    with pytest.raises(UnsupportedFeatureError, match=r"torch\.compile"):
        resolve("layers.0.resid_pre", compiled)
    inside = tiny.build("llama")
    inside.model.layers[1].compile()
    with pytest.raises(UnsupportedFeatureError, match=r"model\.layers\.1 is compiled"):
        resolve("logits", inside)
    quantised = tiny.build("llama")
    quantised.config.quantization_config = {"quant_method": "bitsandbytes"}
    with pytest.raises(UnsupportedFeatureError, match="quantised"):
        resolve("logits", quantised)


@pytest.mark.parametrize("other", ["llama", object(), torch.nn.Linear(2, 2)])
def test_what_is_no_model_is_refused(other):
    with pytest.raises(UnsupportedFeatureError, match="runs in this process"):
        resolve("logits", other)


def test_attention_without_masks_cannot_be_looked_into():
    model = tiny.build("llama")
    model.config._attn_implementation = "flash_attention_2"
    place = Anatomy(model).place("layers.0.q")
    with pytest.raises(UnsupportedFeatureError, match="flash_attention_2"), watching({place.module: {}}):
        pass
    assert model.config._attn_implementation == "flash_attention_2"


def test_modules_that_pass_hidden_states_by_keyword():
    """Defect C4: the input of attention comes as a keyword in many families."""
    for name in tiny.NAMES:
        model = model_of(name)
        anatomy = Anatomy(model)
        path = anatomy.path(1, anatomy.family.attention)
        before = anatomy.family.attention_norm
        normed = f"{anatomy.path(1, before)}:out" if before else "layers.1.resid_pre"
        found = read(model, [f"{path}:in", normed, path], tiny.tokens())
        assert torch.equal(found[f"{path}:in"], found[normed])
        changed = edit(model, {f"{path}:in": lambda tensor: tensor.roll(1, -1)}, tiny.tokens())
        assert (changed - _plain(model, tiny.tokens()).logits).abs().max() > 1e-3


def test_wrong_results_of_functions_and_silent_modules():
    model, ids = model_of("llama"), tiny.tokens()
    for site in ("layers.1.resid_post", "layers.1.resid_mid", "layers.1.head.0.k"):
        with pytest.raises(ConfigError, match="shape has to stay"):
            edit(model, {site: lambda tensor: tensor[..., :2]}, ids)
    with pytest.raises(ConfigError, match="returned float"):
        edit(model, {"layers.1.resid_post": lambda _: 1.0}, ids)
    other = tiny.build("llama")
    other.spare = torch.nn.Linear(2, 2)
    with pytest.raises(UserError, match="nothing passed spare in a forward call"):
        read(other, ["spare"], ids)

    class Texts(torch.nn.Module):
        def forward(self, text):
            return [text]

    other.texts = Texts()
    taps = [Tap(resolve(f"texts:{side}", other), lambda tensor: None) for side in ("in", "out")]
    for tap in taps:
        with pytest.raises(UserError, match="no tensor there but str"), attached([tap]):
            other.texts("hello")


def test_half_precision_is_kept():
    model, ids = tiny.build("llama").bfloat16(), tiny.tokens()
    push = torch.ones(tiny.WIDTH)
    found = read(model, ["layers.1.resid_mid", "layers.1.pattern"], ids)
    assert {tensor.dtype for tensor in found.values()} == {torch.bfloat16}
    assert edit(model, {"layers.1.resid_mid": lambda tensor: tensor + push}, ids).dtype == torch.bfloat16


def test_views_take_and_put():
    whole = torch.arange(24.0).view(1, 2, 12)
    for view in (View(), View(3, 6), View(split=4), View(split=4, head=1), View(0, 6, split=2, head=0)):
        part = view.take(whole)
        assert torch.equal(view.put(whole, part), whole)
        changed = view.put(whole, part + 100)
        assert torch.equal(view.take(changed), part + 100)
        assert ((changed != whole).sum() == part.numel()) and whole.max() == 23
    assert View(split=4, head=1).take(whole).tolist() == [[[3.0, 4.0, 5.0], [15.0, 16.0, 17.0]]]


def test_sinks_take_their_share_of_the_probabilities():
    query, key = torch.zeros(1, 2, 3, 4), torch.zeros(1, 1, 3, 4)
    module = torch.nn.Identity()
    plain = probabilities(module, query, key)
    assert plain[0, 0].tolist() == [[1, 0, 0], [0.5, 0.5, 0], [pytest.approx(1 / 3)] * 3]
    sunk = probabilities(module, query, key, s_aux=torch.zeros(2))
    assert sunk[0, 1].sum(-1).tolist() == pytest.approx([1 / 2, 2 / 3, 3 / 4])
    capped = probabilities(module, query + 9, key + 9, softcap=0.0001)
    torch.testing.assert_close(capped, plain, rtol=0, atol=1e-3)
    with pytest.raises(UnsupportedFeatureError, match="position biases"):
        probabilities(module, query, key, position_bias=torch.zeros(1))
