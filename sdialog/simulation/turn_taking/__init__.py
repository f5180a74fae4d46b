"""Turn-taking policies: who speaks next. One file a policy; the folder is the list."""

from __future__ import annotations

from sdialog.simulation.turn_taking.base import Floor, TurnTaking, policies, policy

__all__ = ["Floor", "TurnTaking", "policies", "policy"]
