"""A PyTorch module in ONNX Runtime, f32 on the CPU."""
import os
import tempfile

import torch


def session(module, shape, threads):
    """A function that runs `module` on batches of inputs of `shape`, up to 64. Needs onnx, onnxscript, onnxruntime."""
    import onnxruntime

    path = os.path.join(tempfile.mkdtemp(), "tower.onnx")
    batch = ({0: torch.export.Dim("batch", min=1, max=64)},)
    example = (torch.zeros(2, *shape),)
    torch.onnx.export(module, example, path, input_names=["x"], dynamo=True, dynamic_shapes=batch, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    made = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda x: made.run(None, {"x": x.numpy()})
