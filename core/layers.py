"""TensorFlow, PyTorch and CUDA, which the article names side by side: what each is, and one step in each.

PyTorch's lines are run by tests/unit/test_article.py, with `device` given; the others' are only shown.
"""

from __future__ import annotations

from core.article import Snippet
from core.i18n import N_

WHAT: dict[str, str] = {
    "PyTorch": N_(
        "A framework: tensors, gradients and layers. Each line runs at once, on the device where its "
        "tensors are."
    ),
    "TensorFlow": N_(
        "A framework for the same. Where there is a GPU, it is used without being asked; functions can be "
        "compiled into graphs."
    ),
    "CUDA": N_(
        "NVIDIA's platform below both: C++ functions that run on the GPU, and its libraries (cuBLAS, "
        "cuDNN). Memory, copies and launches are written by hand."
    ),
}

SNIPPETS: dict[str, Snippet] = {
    "PyTorch": Snippet("""\
x, w = torch.rand(64, 784), torch.rand(784, 512)
x, w = x.to(device), w.to(device)
y = torch.relu(x @ w)
"""),
    "TensorFlow": Snippet("""\
import tensorflow as tf

x = tf.random.uniform((64, 784))
w = tf.random.uniform((784, 512))
y = tf.nn.relu(x @ w)
"""),
    "CUDA": Snippet(
        """\
__global__ void relu(float *y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = fmaxf(y[i], 0);
}

cudaMemcpy(x, x_host, 64 * 784 * sizeof(float),
           cudaMemcpyHostToDevice);
cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N,
            512, 64, 784, &one, w, 512, x, 784,
            &zero, y, 512);
relu<<<(64 * 512 + 255) / 256, 256>>>(y, 64 * 512);
cudaDeviceSynchronize();
""",
        "cpp",
    ),
}
