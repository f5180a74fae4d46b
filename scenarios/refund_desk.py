"""The environment of the refund desk: a database of orders, and the tools that look into it and change it."""

from __future__ import annotations

from typing import Any

from sdialog.core.sql_environment import SqlEnvironment


class Orders(SqlEnvironment):
    """Orders and refunds; each dialog works on a database of its own."""

    fixture = "refund-desk-orders.sql"

    def check_order(self, order_number: str) -> dict[str, Any]:
        """Look up the state of an order.

        Args:
            order_number: number of the order, such as B4821.
        """
        order = self._order(order_number)
        told = {"status": order["status"], "eta": order["eta"], "item": order["item"], "city": order["city"]}
        return {name: value for name, value in told.items() if value is not None}

    def issue_refund(self, order_number: str) -> dict[str, str]:
        """Pay the money for an order back.

        Args:
            order_number: number of the order, such as B4821.
        """
        order = self._order(order_number)
        if order["status"] != "delivered":
            raise ValueError("only delivered orders are refunded")
        if order["final_sale"]:
            raise ValueError("this was a final sale, which is not refunded")
        if self.db.execute("SELECT 1 FROM refunds WHERE order_number = ?", (order["order_number"],)).fetchone():
            raise ValueError("this order was refunded before")
        self.db.execute("INSERT INTO refunds VALUES (?, ?)", (order["order_number"], order["euros"]))
        return {"amount": str(order["euros"]), "days": "5"}

    def change_address(self, order_number: str, city: str) -> dict[str, str]:
        """Send an order that is on its way to another city.

        Args:
            order_number: number of the order, such as B4821.
            city: where it should go.
        """
        order = self._order(order_number)
        if order["status"] == "delivered":
            raise ValueError("this order was delivered already")
        self.db.execute("UPDATE orders SET city = ? WHERE order_number = ?", (city, order["order_number"]))
        return {"city": city}

    def _order(self, order_number: str) -> Any:
        wanted = order_number.strip().lstrip("#").upper()
        order = self.db.execute("SELECT * FROM orders WHERE order_number = ?", (wanted,)).fetchone()
        if order is None:
            raise LookupError(f"there is no order {order_number}")
        return order
