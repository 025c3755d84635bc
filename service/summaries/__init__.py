"""Summaries: what documents say, in few sentences, each with the place that it stands on."""
