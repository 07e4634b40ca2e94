"""The public edge in front of the control plane: reads from an index that lags, and what goes through to the cell."""
