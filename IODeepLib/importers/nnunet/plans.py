"""plans.json: how nnU-Net prepares images and what its network looks like, in all its versions.

The old form, which has no key `architecture`, is what nnU-Net 2.0 to 2.3 wrote.
(nnunetv2/utilities/plans_handling/plans_handler.py)
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from IODeepLib.errors import ModelError, UsageError
from IODeepLib.importers.foreign_json import Foreign, take
from IODeepLib.recipe.limits import Count, Millimetres, Voxels
from IODeepLib.text.records import Many, OneOrMore

PREPROCESSOR, LABEL_MANAGER = "DefaultPreprocessor", "LabelManager"
_NEXT = "export the network as ONNX, and import that: iodeep import onnx"


class Intensities(Foreign):
    """Of the foreground voxels of all training images."""

    mean: float
    std: float
    percentile_00_5: float
    percentile_99_5: float


class Architecture(Foreign):
    """The network: its class and how it is called."""

    network_class_name: str
    arch_kwargs: dict[str, Any]


class Configuration(Foreign):
    """One configuration, such as 3d_fullres; sizes are in the order of the transposed array."""

    patch_size: OneOrMore[Voxels]
    spacing: OneOrMore[Millimetres]
    normalization_schemes: OneOrMore[str]
    use_mask_for_norm: OneOrMore[bool]
    resampling_fn_data: str = "resample_data_or_seg_to_shape"
    resampling_fn_data_kwargs: dict[str, Any] = field(default_factory=dict)
    resampling_fn_seg: str = "resample_data_or_seg_to_shape"
    resampling_fn_seg_kwargs: dict[str, Any] = field(default_factory=dict)
    resampling_fn_probabilities: str = "resample_data_or_seg_to_shape"
    resampling_fn_probabilities_kwargs: dict[str, Any] = field(default_factory=dict)
    preprocessor_name: str = PREPROCESSOR
    previous_stage: str | None = None
    architecture: Architecture | None = None


class _FormerUNet(Foreign):
    """What a configuration says of its network in the old form."""

    UNet_class_name: str
    UNet_base_num_features: Count
    unet_max_num_features: Count
    n_conv_per_stage_encoder: OneOrMore[Count]
    n_conv_per_stage_decoder: Many[Count]
    pool_op_kernel_sizes: OneOrMore[Many[Count] | int]
    conv_kernel_sizes: OneOrMore[Many[Count] | int]


class Plans(Foreign):
    """All of it, but the configurations."""

    transpose_forward: tuple[int, int, int]
    configurations: dict[str, dict[str, Any]]
    dataset_name: str = ""
    plans_name: str = ""
    image_reader_writer: str = "SimpleITKIO"
    label_manager: str = LABEL_MANAGER
    foreground_intensity_properties_per_channel: dict[str, dict[str, Any]] | None = None
    foreground_intensity_properties_by_modality: dict[str, dict[str, Any]] | None = None

    def configuration(self, name: str) -> Configuration:
        """The configuration of this name, with what it inherits.

        Raises:
            UsageError: there is none.
            ModelError: it is not complete, or of a kind that cannot be imported.
        """
        where = f"plans.json, {name}"
        whole = self._inherited(name)
        if "architecture" not in whole:
            whole["architecture"] = _architecture(take(_FormerUNet, whole, where), whole)
        found = take(Configuration, whole, where)
        if found.preprocessor_name != PREPROCESSOR:
            raise ModelError(f"{where}: {found.preprocessor_name}", PREPROCESSOR, _NEXT)
        if len(found.patch_size) != len(found.spacing) or len(found.spacing) not in (2, 3):
            sizes = f"a patch of {len(found.patch_size)} and a spacing of {len(found.spacing)} axes"
            raise ModelError(f"{where}: {sizes}", "two or three for both", _NEXT)
        return found

    def intensities(self, channel: int) -> Intensities:
        """Those of a channel, zero based."""
        all_of = self.foreground_intensity_properties_per_channel
        if all_of is None:
            all_of = self.foreground_intensity_properties_by_modality or {}
        return take(Intensities, all_of.get(str(channel)), f"plans.json, intensities of {channel}")

    def _inherited(self, name: str) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        visited: list[str] = []
        heir: str | None = name
        while heir is not None:
            if heir not in self.configurations or heir in visited:
                raise UsageError(
                    f"no configuration {heir!r} in plans.json",
                    "one of " + ", ".join(self.configurations),
                    "correct --configuration, or take the folder as the training left it",
                )
            visited.append(heir)
            whole = self.configurations[heir] | whole
            parent = self.configurations[heir].get("inherits_from")
            heir = parent if parent is None else str(parent)
        return whole


def read_plans(value: dict[str, Any]) -> Plans:
    """The plans in the object of plans.json.

    Raises:
        ModelError: they are not complete, or of a kind that cannot be imported.
    """
    plans = take(Plans, value, "plans.json")
    if sorted(plans.transpose_forward) != [0, 1, 2]:
        raise ModelError(
            f"plans.json: transpose_forward {list(plans.transpose_forward)}",
            "0, 1 and 2, each once",
            "take the folder as the training left it",
        )
    if plans.label_manager != LABEL_MANAGER:
        raise ModelError(f"plans.json: {plans.label_manager}", LABEL_MANAGER, _NEXT)
    return plans


def _architecture(former: _FormerUNet, whole: dict[str, Any]) -> dict[str, Any]:
    """The new form of the old one; what nnU-Net took for granted then stands in it."""
    stages = len(former.n_conv_per_stage_encoder)
    base, most = former.UNet_base_num_features, former.unet_max_num_features
    dims = len(whole.get("patch_size", ()))
    residual = former.UNet_class_name == "ResidualEncoderUNet"
    kwargs = {
        "n_stages": stages,
        "features_per_stage": [min(base * 2 ** min(i, 32), most) for i in range(stages)],
        "conv_op": f"torch.nn.Conv{dims}d",
        "kernel_sizes": whole["conv_kernel_sizes"],
        "strides": whole["pool_op_kernel_sizes"],
        "n_blocks_per_stage" if residual else "n_conv_per_stage": whole["n_conv_per_stage_encoder"],
        "n_conv_per_stage_decoder": whole["n_conv_per_stage_decoder"],
        "conv_bias": True,
        "norm_op": f"torch.nn.InstanceNorm{dims}d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    name = f"dynamic_network_architectures.architectures.unet.{former.UNet_class_name}"
    return {"network_class_name": name, "arch_kwargs": kwargs}
