"""Tools of the support desk: what they answer depends on the order number alone, as in a database."""

from __future__ import annotations

from sdialog.core.seeds import rng

STATES = ("in transit", "delayed", "on its way")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def check_order(order_number: str) -> dict[str, str]:
    """Look up the state of an order.

    Args:
        order_number: number of the order, such as B4821.
    """
    numbers = rng(0, "order", str(order_number))
    return {"status": numbers.choice(STATES), "eta": numbers.choice(DAYS)}
