"""Slots: what a customer says of their product in; what that says of each of nine things out."""
