"""How long tests look: 1 in every run, more under ``make proof`` (KPULSE_PROOF)."""

import os

PATIENCE = int(os.environ.get("KPULSE_PROOF", "1"))
