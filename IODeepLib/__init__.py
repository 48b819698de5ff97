"""IODeep: trained networks that live in the PACS, next to the images they read.

The main job is one call, `IODeepLib.pipeline.run`; read that file first.
"""

__version__ = "0.1.0"
