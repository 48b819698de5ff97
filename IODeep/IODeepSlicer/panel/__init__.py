"""Sections, tables and widgets: what a person sees and presses."""
