"""Flows: what goes on over several turns, a module a flow; a turn is a step of `flow.py`."""
