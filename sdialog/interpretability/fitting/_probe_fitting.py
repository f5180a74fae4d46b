"""How probes are fitted: standardised features, the learners of scikit-learn, and the choice of L2 inside folds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed
from sdialog.interpretability.fitting.folds import deal, inner_count
from sdialog.interpretability.fitting.labelled import WHY, Labelled
from sdialog.interpretability.fitting.learners import Learner
from sdialog.interpretability.fitting.outcomes import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = 2000
_MLP_STEPS = 300
_CONSTANT = 1e-10
_FINE, _ROUGH = 1e-7, 1e-4  # where steps end; those that only choose a strength can be rougher


Layers = tuple[tuple["NDArray[Any]", "NDArray[Any]"], ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted probe: standardise, then affine layers with ReLU between them.

    Attributes:
        mean: of each feature in training, shape (d,).
        scale: what each feature is divided by, shape (d,); infinite for one that does not vary in training.
        layers: weights of shape (in, out) and biases of shape (out,).
        converged: whether the learner came to rest before its last step.
    """

    mean: NDArray[Any]
    scale: NDArray[Any]
    layers: Layers
    converged: bool = True

    def outputs(self, features: NDArray[Any]) -> NDArray[Any]:
        """Return shape (n, outputs): one logit for two classes, one a class for more, or one number."""
        return _outputs((features - self.mean) / self.scale, self.layers)


def tuned(data: Labelled, learner: Learner, seed: int, *path: str | int) -> tuple[Fitted, float]:
    """Fit a probe with the strength that does best on inner folds; return both.

    Args:
        data: rows with labels.
        learner: what is fitted.
        seed: seed of the inner folds, and of the first weights of an ``mlp``.
        path: names the part that the inner folds are for.
    """
    mean, scale, rows, back = _prepared(data, learner)
    ready = replace(data, features=rows)
    strength = learner.strengths[0]
    if len(learner.strengths) > 1:
        losses = _inner_losses(ready, learner, seed, *path)
        strength = learner.strengths[min(range(len(losses)), key=losses.__getitem__)]
    layers, converged = _fit_path(ready, learner, [strength], seed, _FINE)[0]
    if back is not None:
        layers = ((back @ layers[0][0], layers[0][1]),)
    return Fitted(mean, scale, layers, converged), strength


def least_loss(data: Labelled, learner: Learner, seed: int, *path: str | int) -> float:
    """Return the mean loss on inner folds of the strength that does best there."""
    ready = replace(data, features=_prepared(data, learner)[2])
    return min(_inner_losses(ready, learner, seed, *path))


def cross_validate(data: Labelled, learner: Learner, count: int, seed: int) -> Outcome:
    """Predict each fold with a probe of the others, its strength chosen within those (nested cross-validation)."""
    numpy = need("numpy", extra="metrics", why=WHY)
    folds = deal(data, count, seed, "outer")
    outputs: NDArray[Any] | None = None
    strengths, converged = [], True
    for fold in range(count):
        kept = data.take(numpy.flatnonzero(folds != fold))
        fitted, strength = tuned(kept, learner, seed, fold)
        rows = numpy.flatnonzero(folds == fold)
        found = fitted.outputs(data.features[rows])
        if outputs is None:
            outputs = numpy.zeros((len(data), found.shape[1]))
        outputs[rows] = found
        strengths.append(strength)
        converged = converged and fitted.converged
    assert outputs is not None
    return Outcome.of(data, outputs, folds, tuple(strengths), converged)


def _inner_losses(ready: Labelled, learner: Learner, seed: int, *path: str | int) -> list[float]:
    """Return the mean loss of each strength on rows of inner folds, each predicted by a probe of the other folds.

    Features were standardised once for all inner folds: that saw no labels, and nothing outside of the training part.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    folds = deal(ready, inner_count(ready, learner.inner), seed, "inner", *path)
    total = [0.0] * len(learner.strengths)
    for fold in range(folds.max() + 1):
        held = ready.take(numpy.flatnonzero(folds == fold))
        kept = ready.take(numpy.flatnonzero(folds != fold))
        for place, (layers, _) in enumerate(_fit_path(kept, learner, learner.strengths, seed, _ROUGH)):
            total[place] += _loss(_outputs(held.features, layers), held) * len(held) / len(ready)
    return total


def _prepared(data: Labelled, learner: Learner) -> tuple[Any, Any, Any, Any]:
    """Return mean, scale, the standardised rows, and where they were turned, what turns weights back."""
    numpy = need("numpy", extra="metrics", why=WHY)
    mean, scale = data.features.mean(axis=0), data.features.std(axis=0)
    scale = numpy.where(scale <= _CONSTANT * numpy.abs(data.features).max(axis=0), numpy.inf, scale)
    rows = (data.features - mean) / scale
    if learner.kind == "mlp" or rows.shape[1] <= rows.shape[0]:
        return mean, scale, rows, None
    # The penalty keeps the weights in the span of the rows, so a basis of that span serves as well.
    back, turned = numpy.linalg.qr(rows.T)
    return mean, scale, turned.T, back


def _outputs(state: NDArray[Any], layers: Layers) -> NDArray[Any]:
    numpy = need("numpy", extra="metrics", why=WHY)
    for place, (weights, bias) in enumerate(layers):
        state = (numpy.maximum(state, 0) if place else state) @ weights + bias
    return state


def _loss(outputs: NDArray[Any], data: Labelled) -> float:
    """Return the mean loss of rows: log loss of classes, squared error of numbers."""
    numpy = need("numpy", extra="metrics", why=WHY)
    if not data.classes:
        return float(((outputs[:, 0] - data.labels) ** 2).mean())
    if len(data.classes) == 2:
        return float(numpy.logaddexp(0, outputs[:, 0] * (1 - 2 * data.labels)).mean())
    every = numpy.logaddexp.reduce(outputs, axis=1)
    return float((every - outputs[numpy.arange(len(data)), data.labels]).mean())


def _fit_path(
    data: Labelled, learner: Learner, strengths: Sequence[float], seed: int, tolerance: float
) -> list[tuple[Layers, bool]]:
    """Return for each strength the layers and whether the learner came to rest.

    Args:
        data: rows with standardised features.
        learner: what is fitted.
        strengths: of the penalty, strongest first: a logistic regression starts from the one before.
        seed: of the first weights of an ``mlp``.
        tolerance: where the steps of a logistic regression end.
    """
    if learner.kind == "mlp":
        return [_mlp(data, learner, strength, seed) for strength in strengths]
    if data.classes:
        return _logistic(data, strengths, tolerance)
    return [_ridge(data, strength) for strength in strengths]


def _ridge(data: Labelled, strength: float) -> tuple[Layers, bool]:
    numpy = need("numpy", extra="metrics", why=WHY)
    models = need("sklearn.linear_model", extra="metrics", why=WHY)
    model = models.Ridge(alpha=strength * len(data)).fit(data.features, data.labels)
    return ((model.coef_.reshape(-1, 1), numpy.array([float(model.intercept_)])),), True


def _logistic(data: Labelled, strengths: Sequence[float], tolerance: float) -> list[tuple[Layers, bool]]:
    models = need("sklearn.linear_model", extra="metrics", why=WHY)
    model = models.LogisticRegression(tol=tolerance, max_iter=_STEPS, warm_start=True)
    found: list[tuple[Layers, bool]] = []
    for strength in strengths:
        model.set_params(C=1 / (strength * len(data)))
        with _quiet():
            model.fit(data.features, data.labels)
        # The model goes on from these arrays in its next fit.
        layer = (model.coef_.T.copy(), model.intercept_.copy())
        found.append(((layer,), int(max(model.n_iter_)) < _STEPS))
    return found


def _mlp(data: Labelled, learner: Learner, strength: float, seed: int) -> tuple[Layers, bool]:
    networks = need("sklearn.neural_network", extra="metrics", why=WHY)
    options = {
        "hidden_layer_sizes": (learner.hidden,),
        "solver": "lbfgs",
        "alpha": strength * len(data),
        "max_iter": _MLP_STEPS,
        "random_state": derive_seed(seed, "mlp") % 2**32,
    }
    make = networks.MLPClassifier if data.classes else networks.MLPRegressor
    targets, shift, stretch = data.labels, 0.0, 1.0
    if not data.classes:
        shift, stretch = float(targets.mean()), float(targets.std()) or 1.0
        targets = (targets - shift) / stretch
    with _quiet():
        model = make(**options).fit(data.features, targets)
    layers = list(zip(model.coefs_, model.intercepts_, strict=True))
    weights, bias = layers[-1]
    layers[-1] = (weights * stretch, bias * stretch + shift)
    return tuple(layers), model.n_iter_ < _MLP_STEPS


def _quiet() -> warnings.catch_warnings[None]:
    """Keep the learner's warning to itself that steps ran out: whether they did is in the result."""
    convergence = need("sklearn.exceptions", extra="metrics", why=WHY).ConvergenceWarning
    return warnings.catch_warnings(action="ignore", category=convergence)
