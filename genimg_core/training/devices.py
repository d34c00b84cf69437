"""Where a run computes, in which precision, and in how many processes; and how it stays the same from run to run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist
from torch.overrides import TorchFunctionMode

from genimg_core.errors import SetupError
from genimg_core.training.companions import MEETING, LostProcessError, Place, place_here

Tree = TypeVar("Tree")

WAIT = timedelta(minutes=30)
"""For the others, at most: the first process draws samples and writes models while they wait."""


@contextmanager
def computing(choice: str, threads: int) -> Iterator[torch.device]:
    """Yield the device; within the block equal runs give equal bits (deterministic kernels, `threads` CPU threads).

    Where several processes train together, each takes a GPU of its own, or its part of the threads.

    Args:
        choice: `auto`, `cpu` or `cuda`.
        threads: CPU threads of this machine's processes together.

    Raises:
        SetupError: `cuda` where there is none, or fewer GPUs than processes on this machine.
    """
    place = place_here()
    if choice == "cuda" and not torch.cuda.is_available():
        raise SetupError("`device: cuda` is asked for, and torch sees no CUDA device",
                         "write `device: cpu` or `device: auto`")
    device = torch.device("cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
        if place.count > 1:
            device = _own_gpu(place)
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),
              torch.utils.deterministic.fill_uninitialized_memory)
    # The filling finds reads of uninitialised memory and costs an eighth of the time.
    _set(max(1, threads // place.local_count), True, False)
    try:
        yield device
    finally:
        _set(*before)


@contextmanager
def compiling() -> Iterator[None]:
    """Within the block what cannot be compiled is told as the user's to cure.

    Raises:
        SetupError: torch.compile fails: there is no C++ compiler, say.
    """
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import InductorError

    try:
        yield
    except (TorchDynamoException, InductorError) as error:
        why = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise SetupError(f"`compile: true` does not work on this machine ({why})",
                         "install a C++ compiler and Python's headers (g++ and python3-dev), or drop it") from error


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """`bf16` computes in bfloat16 where that is safe, `fp32` nowhere; weights stay in fp32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def _own_gpu(place: Place) -> torch.device:
    if place.local_count > torch.cuda.device_count():
        raise SetupError(f"{place.local_count} processes train on this machine, and it has {torch.cuda.device_count()} "
                         "GPU(s)", "lower `processes`, or write `device: cpu`")
    torch.cuda.set_device(place.local_rank)
    return torch.device("cuda", place.local_rank)


def _set(threads: int, deterministic: bool, fill: bool) -> None:
    torch.set_num_threads(threads)
    # use_deterministic_algorithms() does this too, and imports the compiler (2 s) to tell it: see training/loop.py.
    torch.set_deterministic_debug_mode("error" if deterministic else "default")
    torch.utils.deterministic.fill_uninitialized_memory = fill


class Team:
    """The processes of one run, each with an equal share of every batch; by default this one alone.

    Every process takes every step: all have the same weights, optimisers and random state at every moment, so a
    snapshot of one of them is a snapshot of the run.

    Args:
        rank: of this process; 0 leads: it alone writes, draws and looks.
        count: of the processes; with more than one, torch's process group is set up.
        device: where this one computes.
    """

    def __init__(self, rank: int = 0, count: int = 1, device: torch.device | str = "cpu") -> None:
        self.rank = rank
        self.count = count
        self.device = torch.device(device)

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, rows: Tensor, dim: int = 0) -> Tensor:
        """The part of a batch that is for this process: a dimension of B becomes one of B / count."""
        own = rows.shape[dim] // self.count
        return rows.narrow(dim, self.rank * own, own) if self.count > 1 else rows

    def mean(self, values: Tensor) -> Tensor:
        """What this process adds to the batch's mean of a figure per image: (B / count,) => a scalar, to be summed."""
        return values.mean() if self.count == 1 else values.mean() / self.count

    def draws(self, generator: torch.Generator, batch: int) -> AbstractContextManager[Any]:
        """Within the block `generator` gives each image of a batch the draws that it would get in one process."""
        return nullcontext() if self.count == 1 else _OwnRows(self, generator, batch // self.count)

    def summed(self, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
        """Each tensor summed over the processes, in place, by ONE exchange of all of them.

        (No hooks on the way, as DistributedDataParallel has them: a penalty on slopes goes through the network twice.)

        Raises:
            LostProcessError: another process is gone.
        """
        if self.count == 1 or not tensors:
            return tensors
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self._together(lambda: dist.all_reduce(flat))
        for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))
        return tensors

    def agreed(self, tree: Tree) -> Tree:
        """What the leading process has, for all: anything JSON holds. Raises as `summed`."""
        if self.count == 1:
            return tree
        data = torch.frombuffer(bytearray(json.dumps(tree).encode()), dtype=torch.uint8).to(self.device)
        length = torch.tensor([len(data)], device=self.device)
        self._together(lambda: dist.broadcast(length, 0))
        if not self.leads:
            data = torch.empty(int(length.item()), dtype=torch.uint8, device=self.device)
        self._together(lambda: dist.broadcast(data, 0))
        return json.loads(bytes(data.cpu().tolist()))

    def wait(self) -> None:
        """Until all are here. Raises as `summed`."""
        self.summed([torch.zeros(1, device=self.device)])[0].item()

    def _together(self, exchange: Callable[[], Any]) -> None:
        try:
            exchange()
        except RuntimeError as error:  # gloo's and NCCL's, a closed connection among them
            told = (str(error).splitlines() or [type(error).__name__])[0]
            raise LostProcessError(f"process {self.rank} of this training lost the others ({told})",
                                   "the same command goes on from the last snapshot") from None


@contextmanager
def together(processes: int, device: torch.device) -> Iterator[Team]:
    """Yield the processes of a run, once all of them are here.

    Args:
        processes: as params.yaml has it.
        device: of this one.

    Raises:
        SetupError: another number of processes was started.
        LostProcessError: one of them did not come.
    """
    place = place_here()
    if place.count != processes:
        raise SetupError(f"{place.count} process(es) were started, and params.yaml says `processes: {processes}`",
                         f"start `genimg` itself, or torchrun with {processes} in all: the number shapes the result")
    if processes == 1:
        yield Team(device=device)
        return
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", rank=place.rank, world_size=place.count,
                                init_method=os.environ.get(MEETING, "env://"), timeout=WAIT)
    except (RuntimeError, ValueError) as error:
        raise LostProcessError(f"the {processes} processes of this training did not find each other ({error})",
                               "start again; `processes: 1` needs none of this") from None
    try:
        yield Team(place.rank, place.count, device)
    finally:
        dist.destroy_process_group()


class _OwnRows(TorchFunctionMode):
    """Draws with a row per image: the whole batch's are drawn in every process, and each keeps its rows.

    So neither the numbers nor the generator's state depend on how many processes there are. The first dimension as long
    as a process's part of the batch is taken for the images'; what has none is drawn alike by all.
    """

    def __init__(self, team: Team, generator: torch.Generator, own: int) -> None:
        super().__init__()
        self.team, self.generator, self.own = team, generator, own

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if kwargs.get("generator") is not self.generator:
            return func(*args, **kwargs)
        if func not in (torch.rand, torch.randn, torch.randint) or "size" in kwargs:
            raise NotImplementedError(f"this use of torch.{getattr(func, '__name__', func)} cannot be shared among "
                                      "processes: draw with rand(*size), randn(*size) or randint(low, high, size)")
        bounds, size = (args[:-1], args[-1]) if func is torch.randint else ((), args)
        size = tuple(size[0]) if size and not isinstance(size[0], int) else tuple(size)
        if self.own not in size:
            return func(*args, **kwargs)
        dim = size.index(self.own)
        whole = (*size[:dim], self.own * self.team.count, *size[dim + 1:])
        return self.team.share(func(*bounds, whole, **kwargs), dim)
