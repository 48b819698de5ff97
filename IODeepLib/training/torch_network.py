"""An ONNX network as a PyTorch module whose parameters keep the names of its initializers.

Ours, and no converter: what is learned has to go back into the very network that it came from,
under the same names, each tensor once however often it is used. See Docs/decisions/023.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.errors import ModelError
from IODeepLib.model_object import Model, read_architecture
from IODeepLib.model_object.held import held
from IODeepLib.onnx_file import OnnxFile, Tensor
from IODeepLib.onnx_file.graph import Graph, Node, read_graph
from IODeepLib.onnx_file.trained import FLOATING, trained_tensors
from IODeepLib.recipe import Stage
from IODeepLib.training.new_weights import check_weights
from IODeepLib.training.operators import (
    arithmetic,
    convolutions,
    normalizations,
    resizing,
    shapes,
)
from IODeepLib.training.operators.said import Rule, Said
from IODeepLib.training.values import Place, read_values

_FLOAT32 = 1
_RULES: dict[str, Rule] = {
    **convolutions.RULES,
    **normalizations.RULES,
    **arithmetic.RULES,
    **shapes.RULES,
    **resizing.RULES,
}
# Their gradients do not ask for what they gave: an activation behind them may overwrite it.
_OVERWRITTEN = ("Conv", "ConvTranspose", "InstanceNormalization", "BatchNormalization")
# What makes probabilities of scores, at the very end of a network.
_ACTIVATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}


@dataclass(frozen=True, slots=True)
class _Step:
    """A node that is computed.

    Attributes:
        rule: what computes it.
        said: what it says.
        inputs, outputs: names.
        done: names that nobody needs any more afterwards.
    """

    rule: Rule
    said: Said
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    done: tuple[str, ...]


class TorchNetwork(nn.Module):
    """A network that can be trained; made by `TorchNetwork.of`.

    Running statistics of batch normalizations stay as they are, and nothing is dropped out: it
    computes what ONNX Runtime computes, in training, too.

    Attributes:
        label: the model's name and version.
        model: the model that it is of.
        network: its name there.
        activation: "softmax" or "sigmoid" where the network itself makes probabilities of its
            scores in the end, "" otherwise.
    """

    def __init__(self, model: Model, network: str, stage: Stage, file: OnnxFile, place: Place):
        super().__init__()
        self.model, self.network = model, network
        self.label = f"{model.label}, network {network}" if network else model.label
        graph = read_graph(file)
        if graph.functions:
            raise self._refused("functions of its own", "operators of ONNX alone")
        trained = trained_tensors(graph)
        others = {t.data_type for t in trained.values()} - {_FLOAT32}
        if others or not trained:
            raise self._refused(
                "no weights in float32" if not trained else "weights that are not in float32",
                "weights in float32, which are trained",
                "take the version that it was made from",
            )
        self._names = tuple(trained)
        self._parameters_in_order = nn.ParameterList(
            nn.Parameter(torch.from_numpy(self._values(file, trained[name], place)))
            for name in self._names
        )
        self._input, self._output = self._ends(graph, stage)
        self._steps, scores = self._compiled(graph)
        self.activation = _ACTIVATIONS[scores.operator] if scores else ""
        self._scores = scores.inputs[0] if scores else self._output
        self._constants: dict[str, torch.Tensor] = {}  # sizes: they stay on the processor
        self._places: dict[str, int] = {}
        self._floating: dict[str, str] = {}
        numbers = {name: i for i, name in enumerate(self._names)}
        for name in {name for step in self._steps for name in step.inputs} & {*graph.constants}:
            tensor = graph.constants[name]
            if tensor.name in numbers:
                self._places[name] = numbers[tensor.name]
            elif tensor.data_type in FLOATING:
                self._floating[name] = f"constant{len(self._floating)}"
                values = torch.from_numpy(self._values(file, tensor, place))
                self.register_buffer(self._floating[name], values, persistent=False)
            else:
                self._constants[name] = torch.from_numpy(self._values(file, tensor, place))

    @classmethod
    def of(cls, model: Model, network: str = "") -> TorchNetwork:
        """The network of this name of a model; the only one has none.

        Raises:
            ModelError: the model is incomplete or altered, or has what cannot be trained: the
                error names the operator.
        """
        stage = next(s for s in model.card.recipe.all_stages if network in s.network_names)
        with held(model) as own:
            file, part_of = read_architecture(own, network)
            payloads = [part.payload for part in own.weights()]

            def place(tensor: Tensor) -> ByteRange:
                assert tensor.external is not None  # noqa: S101 - see `read_values`
                payload = payloads[part_of[tensor.name]]
                offset = payload.offset + tensor.external.offset
                return ByteRange(payload.path, offset, tensor.external.length)

            return cls(model, network, stage, file, place)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """What the network gives, in the axis order of its recipe."""
        return self._run(image, self._output)

    def scores(self, image: torch.Tensor) -> torch.Tensor:
        """The same without the `activation` in the end."""
        return self._run(image, self._scores)

    @property
    def parameters_by_name(self) -> dict[str, nn.Parameter]:
        """What is trained, by the initializers' names."""
        return dict(zip(self._names, self._parameters_in_order, strict=True))

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """A copy of what is trained, by the initializers' names."""
        return {
            name: parameter.detach().to("cpu", torch.float32).numpy().copy()
            for name, parameter in self.parameters_by_name.items()
        }

    def load(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take other weights.

        Raises:
            ModelError: they are not those of this network, or not finite.
        """
        own = self.parameters_by_name
        check_weights({k: tuple(v.shape) for k, v in own.items()}, weights, self.label)
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(weights[name], np.float32)))

    def _run(self, image: torch.Tensor, wanted: str) -> torch.Tensor:
        values: dict[str, Any] = {"": None, self._input: image}
        values.update(self._constants)
        for name, place in self._places.items():
            values[name] = self._parameters_in_order[place]
        for name, buffer in self._floating.items():
            values[name] = getattr(self, buffer)
        for step in self._steps:
            try:
                found = step.rule(step.said, *(values[name] for name in step.inputs))
            except (RuntimeError, TypeError, ValueError, IndexError) as error:
                raise self._failed(step, error) from None
            if isinstance(found, tuple):
                values.update(zip(step.outputs, found, strict=False))
            else:
                values[step.outputs[0]] = found
            if wanted in step.outputs:
                break
            for name in step.done:
                values.pop(name, None)
        result: torch.Tensor = values[wanted]
        return result

    def _ends(self, graph: Graph, stage: Stage) -> tuple[str, str]:
        """The names of its input and of its output."""
        inputs = [name for name in graph.inputs if name not in graph.constants]
        if len(inputs) != 1:
            raise self._refused(f"{len(inputs)} inputs", "one, which takes all channels")
        output = stage.output.name or next(iter(graph.outputs), "")
        if output not in graph.outputs:
            raise self._refused(f"no output {output!r}", "the recipe's output.name")
        return inputs[0], output

    def _compiled(self, graph: Graph) -> tuple[tuple[_Step, ...], Node | None]:
        """The steps that the output needs; and the node that makes probabilities, if any."""
        needed, nodes = {self._output}, list[Node]()
        for node in reversed(graph.nodes):
            if needed.intersection(node.outputs):
                nodes.append(node)
                needed.update(node.inputs)
        last_use = {name: i for i, node in enumerate(reversed(nodes)) for name in node.inputs}
        nodes.reverse()
        kept = {"", self._output, *graph.constants}
        uses = Counter(name for node in nodes for name in node.inputs)
        uses.update([self._output])
        free = {
            node.outputs[0]
            for node in nodes
            if node.operator in _OVERWRITTEN and uses[node.outputs[0]] == 1
        }
        steps = []
        for i, node in enumerate(nodes):
            rule = None if node.domain else _RULES.get(node.operator)
            if rule is None:
                domain = f" of {node.domain}" if node.domain else ""
                raise self._refused(
                    f"the operator {node.operator}{domain}, which is not known here",
                    "operators of ONNX as networks that segment have them",
                    "export it without (opset 17), or tune it where it was trained",
                )
            overwrites = bool(free.intersection(node.inputs[:1]))
            said = Said(node, graph.opset, self.label, overwrites)
            done = {name for name in (*node.inputs, *node.outputs) if last_use.get(name, i) == i}
            steps.append(_Step(rule, said, node.inputs, node.outputs, tuple(done - kept)))
        by_output = {name: node for node in nodes for name in node.outputs}
        end = by_output.get(self._output)
        while end is not None and end.operator == "Identity":
            end = by_output.get(end.inputs[0])
        final = end is not None and end.operator in _ACTIVATIONS and graph.opset >= 13
        return tuple(steps), end if final else None

    def _values(self, file: OnnxFile, tensor: Tensor, place: Place) -> NDArray[Any]:
        values = read_values(file, tensor, place)
        if values is None:
            raise self._refused(
                f"the tensor {tensor.name!r} of ONNX's type {tensor.data_type}",
                "numbers in types that PyTorch computes with",
            )
        return values

    def _failed(self, step: _Step, error: Exception) -> Exception:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        if isinstance(error, torch.OutOfMemoryError) or "allocate" in reason:
            return MemoryError(reason)
        return ModelError(
            f"{self.label}: PyTorch cannot compute {step.said.operator} ({reason})",
            "an operator with what ONNX gives it",
            "check the recipe's patch_size and axis_order against the network",
        )

    def _refused(self, found: str, wanted: str, next_step: str = "") -> ModelError:
        how = next_step or "tune it where it was trained"
        return ModelError(f"{self.label}, which cannot be trained: {found}", wanted, how)
