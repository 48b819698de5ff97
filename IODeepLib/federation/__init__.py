"""Federated rounds: sites tune a version with their own data, over nothing but what a PACS keeps.

A round, the updates of the sites and the outcome are small signed DICOM objects, and the
differences of the weights lie beside the updates: Docs/federated.md describes them.
"""
