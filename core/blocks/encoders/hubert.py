"""HuBERT (arXiv:2106.07447) from transformers: learned by naming the cluster of each hidden token."""

from __future__ import annotations

from core.blocks.catalog import blocks
from core.blocks.encoders.hub_wave import HubWaveTower


@blocks.register("encoders.hubert")
class HuBERT(HubWaveTower):
    """HuBERT's speech encoder over samples, with weights from a folder or small with random ones."""

    title = "HuBERT"
    model_class, config_class = "HubertModel", "HubertConfig"
