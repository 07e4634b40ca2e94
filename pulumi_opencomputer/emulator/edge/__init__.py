"""The public edge in front of the control plane: a lagging index answers reads, and the cell gets the rest."""
