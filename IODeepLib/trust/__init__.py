"""Whom a site believes: certificates, the trust list, and what both say of a signature."""
