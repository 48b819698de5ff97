"""What nnU-Net writes beside its checkpoints, small: plans.json and dataset.json."""

from __future__ import annotations

from typing import Any

RESAMPLE = "resample_data_or_seg_to_shape"


def architecture(dims: int = 3, residual: bool = False, **changes: Any) -> dict[str, Any]:
    """A U-Net of three stages, as plans describe it; `changes` are arguments."""
    kind = "ResidualEncoderUNet" if residual else "PlainConvUNet"
    a_stage = "n_blocks_per_stage" if residual else "n_conv_per_stage"
    arguments = {
        "n_stages": 3,
        "features_per_stage": [8, 16, 24],
        "conv_op": f"torch.nn.modules.conv.Conv{dims}d",
        "kernel_sizes": [[3] * dims] * 3,
        "strides": [[1] * dims, [1, 2, 2][-dims:], [2] * dims],
        a_stage: [1, 1, 1],
        "n_conv_per_stage_decoder": [1, 1],
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dims}d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{kind}",
        "arch_kwargs": arguments | changes,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def configuration(dims: int = 3, channels: int = 1, **changes: Any) -> dict[str, Any]:
    """A configuration as nnU-Net's planner writes it."""
    resampling = {"is_seg": False, "order_z": 0, "force_separate_z": None}
    return {
        "data_identifier": f"nnUNetPlans_{dims}d",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [8, 16, 16][-dims:],
        "spacing": [3.0, 1.5, 1.25][-dims:],
        "normalization_schemes": ["CTNormalization"] * channels,
        "use_mask_for_norm": [False] * channels,
        "resampling_fn_data": RESAMPLE,
        "resampling_fn_data_kwargs": resampling | {"order": 3},
        "resampling_fn_seg": RESAMPLE,
        "resampling_fn_seg_kwargs": resampling | {"is_seg": True, "order": 1},
        "resampling_fn_probabilities": RESAMPLE,
        "resampling_fn_probabilities_kwargs": resampling | {"order": 1},
        "architecture": architecture(dims),
        **changes,
    }


def old_configuration(dims: int = 3, residual: bool = False) -> dict[str, Any]:
    """The same network, as nnU-Net 2.0 to 2.3 described it."""
    whole = configuration(dims)
    arguments = whole.pop("architecture")["arch_kwargs"]
    return whole | {
        "UNet_class_name": "ResidualEncoderUNet" if residual else "PlainConvUNet",
        "UNet_base_num_features": 8,
        "n_conv_per_stage_encoder": [1, 1, 1],
        "n_conv_per_stage_decoder": [1, 1],
        "num_pool_per_axis": [1, 2, 2][-dims:],
        "pool_op_kernel_sizes": arguments["strides"],
        "conv_kernel_sizes": arguments["kernel_sizes"],
        "unet_max_num_features": 24,
    }


def plans(**changes: Any) -> dict[str, Any]:
    """plans.json with the configurations 2d and 3d_fullres."""
    intensities = {"max": 2000.0, "mean": 90.5, "median": 95.0, "min": -900.0, "std": 45.5}
    intensities |= {"percentile_00_5": -60.5, "percentile_99_5": 210.5}
    return {
        "dataset_name": "Dataset301_Abdomen_CT",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"2d": configuration(2), "3d_fullres": configuration(3)},
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": intensities, "1": intensities},
        **changes,
    }


def dataset(**changes: Any) -> dict[str, Any]:
    """dataset.json of a CT data set with two organs."""
    return {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "liver": 1, "spleen": 2},
        "numTraining": 4,
        "file_ending": ".nii.gz",
        **changes,
    }
