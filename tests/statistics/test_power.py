"""Power is that of the tables, and its inverses invert it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.core.errors import UserError
from sdialog.statistics.power import Design, minimum_detectable_difference, power, required_n


def test_power_of_means() -> None:
    # R's power.t.test, whose help page has n = 20, delta = 1: 0.8689528, and for power .90 n = 22.02.
    assert power(1, 20, Design(sd=1.0)) == pytest.approx(0.8689528, abs=1e-6)
    assert required_n(1, Design(sd=1.0), power=0.9) == 23
    # Cohen (1988), table 2.4.1, power .80: 393, 64 and 26 for d = .2, .5, .8 (394 by the exact noncentral t).
    assert [required_n(d, Design(sd=1.0)) for d in (0.2, 0.5, 0.8)] == [394, 64, 26]
    # Pairs whose differences have d = .5 take 34, with a power of .808 (G*Power).
    assert required_n(0.5, Design(sd=1.0, paired=True, correlation=0.5)) == 34
    assert power(0.5, 34, Design(sd=1.0, paired=True, correlation=0.5)) == pytest.approx(0.8078, abs=1e-4)


def test_power_of_shares() -> None:
    # R's power.prop.test, whose help page has .50 against .75: n = 50 gives 0.740, power .90 takes 76.7.
    assert power(0.25, 50, Design(share=0.5, exact=False)) == pytest.approx(0.740, abs=5e-4)
    assert required_n(0.25, Design(share=0.5, exact=False), power=0.9) == 77
    # By the formula of Casagrande, Pike and Smith (1978): 76.65 / 4 * (1 + sqrt(1 + 4 / (76.65 * 0.25)))^2 = 84.5.
    assert required_n(0.25, Design(share=0.5), power=0.9) == 85


def test_groups_cost_what_the_design_effect_says() -> None:
    alone, grouped = Design(sd=1.0), Design(sd=1.0, group_size=10, icc=0.2)
    assert grouped.effect == pytest.approx(2.8)
    assert required_n(0.3, grouped) == pytest.approx(2.8 * required_n(0.3, alone), rel=0.05)
    assert required_n(0.3, Design(sd=1.0, paired=True, correlation=0.8)) < required_n(0.3, alone) / 3


@given(st.integers(5, 5000), st.floats(0.6, 0.95), st.sampled_from([Design(sd=2.0), Design(share=0.3)]))
@settings(max_examples=40, deadline=None)
def test_the_inverses_invert(n: int, wanted: float, design: Design) -> None:
    found = minimum_detectable_difference(n, design, power=wanted)
    if found is None:
        assert design.share is not None and power(0.7, n, design) < wanted
        return
    assert power(found, n, design) == pytest.approx(wanted, abs=1e-6)
    assert required_n(found * (1 + 1e-9), design, power=wanted) <= n


def test_power_of_no_difference_is_alpha() -> None:
    assert power(0, 50, Design(sd=1.0)) == pytest.approx(0.05)
    assert power(0, 50, Design(share=0.4, alpha=0.01)) == pytest.approx(0.01)


def test_what_cannot_be_is_refused_and_what_cannot_be_found_is_none() -> None:
    assert minimum_detectable_difference(10, Design(share=0.95)) is None
    down = minimum_detectable_difference(100, Design(share=0.9), lower=True)
    assert down is not None and -0.2 < down < -0.1
    with pytest.raises(UserError, match="b's would be"):
        power(0.2, 10, Design(share=0.9))
    with pytest.raises(UserError, match="either sd"):
        Design()
    with pytest.raises(UserError, match="only pairs have a correlation"):
        Design(sd=1.0, correlation=0.3)
    with pytest.raises(UserError, match="difference of 0"):
        required_n(0, Design(sd=1.0))
    with pytest.raises(UserError, match="power is between"):
        required_n(1, Design(sd=1.0), power=80)


def test_shares_that_differ_cannot_go_together_fully() -> None:
    # Of shares .1 and .5 at most .1 have both, so that at least .4 have one of them only: a correlation of 1/3.
    fully, most = (
        power(0.4, 15, Design(share=0.1, paired=True, correlation=correlation)) for correlation in (1.0, 1 / 3)
    )
    assert fully == pytest.approx(most)
    # Where all that differ differ one way, McNemar's test finds them where there are at least six: Binomial(15, .4).
    assert fully < 0.75


def test_no_values_have_no_power() -> None:
    for wrong in (0, -1):
        with pytest.raises(UserError, match="above 0"):
            power(0.5, wrong, Design(sd=1.0))
        with pytest.raises(UserError, match="above 0"):
            minimum_detectable_difference(wrong, Design(share=0.5))
