"""xgrad: compiled, differentiated programs of labeled arrays.

Write a function of ``xarray.DataArray``s and ``Dataset``s; ``xgrad.jit`` compiles it through XLA with the same labeled
results, ``xgrad.grad`` gives its gradients with the labels of the arguments.

>>> import xgrad as xg
>>> x = xg.DataArray([1.0, 2.0], dims="city", coords={"city": ["Oslo", "Rome"]})
>>> xg.grad(lambda x: (x**2).sum())(x)
<xarray.DataArray (city: 2)> Size: 16B
array([2., 4.])
Coordinates:
  * city     (city) <U4 32B 'Oslo' 'Rome'

Names are looked up in the tables below when they are first used, so that ``import xgrad`` loads neither JAX nor xarray.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xgrad import datasets as datasets
    from xgrad import errors as errors
    from xgrad import model as model
    from xgrad.functions import fft as fft
    from xgrad.functions import linalg as linalg
    from xgrad.functions import random as random
    from xgrad.functions import signal as signal
    from xgrad.functions import special as special
    from xgrad.functions.checks import checks as checks
    from xgrad.functions.reductions import cumlogsumexp as cumlogsumexp
    from xgrad.functions.reductions import nanlogsumexp as nanlogsumexp
    from xgrad.functions.reductions import nanmedian as nanmedian
    from xgrad.functions.reductions import nanquantile as nanquantile
    from xgrad.functions.search import histogram as histogram
    from xgrad.functions.search import searchsorted as searchsorted
    from xgrad.functions.search import top_k as top_k
    from xgrad.functions.segments import segment_max as segment_max
    from xgrad.functions.segments import segment_mean as segment_mean
    from xgrad.functions.segments import segment_min as segment_min
    from xgrad.functions.segments import segment_prod as segment_prod
    from xgrad.functions.segments import segment_sum as segment_sum
    from xgrad.labels import is_traced as is_traced
    from xgrad.options import options as options
    from xgrad.transforms.calls.exporting import load_exported as load_exported
    from xgrad.transforms.calls.jit import explain_retrace as explain_retrace
    from xgrad.transforms.calls.jit import jit as jit
    from xgrad.transforms.calls.to_jax import to_jax as to_jax
    from xgrad.transforms.control.branches import cond as cond
    from xgrad.transforms.control.branches import switch as switch
    from xgrad.transforms.control.branches import while_loop as while_loop
    from xgrad.transforms.control.checkpoint import checkpoint as checkpoint
    from xgrad.transforms.control.scan import map as map
    from xgrad.transforms.control.scan import scan as scan
    from xgrad.transforms.derivatives.custom import custom_gradient as custom_gradient
    from xgrad.transforms.derivatives.custom import grad_not_implemented as grad_not_implemented
    from xgrad.transforms.derivatives.custom import grad_undefined as grad_undefined
    from xgrad.transforms.derivatives.explain import explain as explain
    from xgrad.transforms.derivatives.explain import grad_status as grad_status
    from xgrad.transforms.derivatives.grad import grad as grad
    from xgrad.transforms.derivatives.grad import value_and_grad as value_and_grad
    from xgrad.transforms.derivatives.jacobian import hessian as hessian
    from xgrad.transforms.derivatives.jacobian import (
        hessian_vector_product as hessian_vector_product,
    )
    from xgrad.transforms.derivatives.jacobian import jacobian as jacobian
    from xgrad.transforms.derivatives.markers import disconnected_grad as disconnected_grad
    from xgrad.transforms.derivatives.markers import grad_clip as grad_clip
    from xgrad.transforms.derivatives.markers import grad_scale as grad_scale
    from xgrad.transforms.derivatives.markers import undefined_grad as undefined_grad
    from xgrad.transforms.derivatives.markers import zero_grad as zero_grad
    from xgrad.transforms.derivatives.pullback import Lop as Lop
    from xgrad.transforms.derivatives.pullback import Rop as Rop
    from xgrad.transforms.derivatives.pullback import pullback as pullback
    from xgrad.transforms.derivatives.pullback import pushforward as pushforward
    from xgrad.transforms.derivatives.pullback import subgraph_grad as subgraph_grad
    from xgrad.transforms.derivatives.verify import numeric_grad as numeric_grad
    from xgrad.transforms.derivatives.verify import verify_grad as verify_grad
    from xgrad.transforms.flat import ravel as ravel
    from xgrad.transforms.graphs.at import at as at
    from xgrad.transforms.graphs.draw import draw as draw
    from xgrad.transforms.graphs.function import function as function
    from xgrad.transforms.graphs.function import graph_replace as graph_replace
    from xgrad.transforms.graphs.show import dprint as dprint
    from xgrad.transforms.graphs.symbols import as_xtensor as as_xtensor
    from xgrad.transforms.graphs.symbols import constant as constant
    from xgrad.transforms.graphs.symbols import xtensor as xtensor
    from xgrad.transforms.graphs.vectorize import vectorize_graph as vectorize_graph
    from xgrad.transforms.outside import apply_host as apply_host
    from xgrad.transforms.outside import apply_jax as apply_jax
    from xgrad.transforms.printed import debug_print as debug_print
    from xgrad.transforms.solvers.curvefit import curvefit as curvefit
    from xgrad.transforms.solvers.fit import fit as fit
    from xgrad.transforms.solvers.solve import least_squares as least_squares
    from xgrad.transforms.solvers.solve import minimize as minimize
    from xgrad.transforms.solvers.solve import root as root
    from xgrad.transforms.vmap import vmap as vmap

__version__ = "0.1.0"

_OWN = {
    "jit": "xgrad.transforms.calls.jit",
    "explain_retrace": "xgrad.transforms.calls.jit",
    "load_exported": "xgrad.transforms.calls.exporting",
    "checks": "xgrad.functions.checks",
    "grad": "xgrad.transforms.derivatives.grad",
    "value_and_grad": "xgrad.transforms.derivatives.grad",
    "jacobian": "xgrad.transforms.derivatives.jacobian",
    "hessian": "xgrad.transforms.derivatives.jacobian",
    "hessian_vector_product": "xgrad.transforms.derivatives.jacobian",
    "vmap": "xgrad.transforms.vmap",
    "vectorize_graph": "xgrad.transforms.graphs.vectorize",
    "to_jax": "xgrad.transforms.calls.to_jax",
    "pullback": "xgrad.transforms.derivatives.pullback",
    "Lop": "xgrad.transforms.derivatives.pullback",
    "pushforward": "xgrad.transforms.derivatives.pullback",
    "Rop": "xgrad.transforms.derivatives.pullback",
    "subgraph_grad": "xgrad.transforms.derivatives.pullback",
    "grad_status": "xgrad.transforms.derivatives.explain",
    "explain": "xgrad.transforms.derivatives.explain",
    "disconnected_grad": "xgrad.transforms.derivatives.markers",
    "zero_grad": "xgrad.transforms.derivatives.markers",
    "undefined_grad": "xgrad.transforms.derivatives.markers",
    "grad_clip": "xgrad.transforms.derivatives.markers",
    "grad_scale": "xgrad.transforms.derivatives.markers",
    "custom_gradient": "xgrad.transforms.derivatives.custom",
    "grad_not_implemented": "xgrad.transforms.derivatives.custom",
    "grad_undefined": "xgrad.transforms.derivatives.custom",
    "verify_grad": "xgrad.transforms.derivatives.verify",
    "numeric_grad": "xgrad.transforms.derivatives.verify",
    "apply_jax": "xgrad.transforms.outside",
    "apply_host": "xgrad.transforms.outside",
    "debug_print": "xgrad.transforms.printed",
    "checkpoint": "xgrad.transforms.control.checkpoint",
    "root": "xgrad.transforms.solvers.solve",
    "curvefit": "xgrad.transforms.solvers.curvefit",
    "fit": "xgrad.transforms.solvers.fit",
    "minimize": "xgrad.transforms.solvers.solve",
    "least_squares": "xgrad.transforms.solvers.solve",
    "scan": "xgrad.transforms.control.scan",
    "map": "xgrad.transforms.control.scan",
    "cond": "xgrad.transforms.control.branches",
    "switch": "xgrad.transforms.control.branches",
    "while_loop": "xgrad.transforms.control.branches",
    "histogram": "xgrad.functions.search",
    "searchsorted": "xgrad.functions.search",
    "top_k": "xgrad.functions.search",
    "segment_max": "xgrad.functions.segments",
    "segment_mean": "xgrad.functions.segments",
    "segment_min": "xgrad.functions.segments",
    "segment_prod": "xgrad.functions.segments",
    "segment_sum": "xgrad.functions.segments",
    "cumlogsumexp": "xgrad.functions.reductions",
    "nanlogsumexp": "xgrad.functions.reductions",
    "nanmedian": "xgrad.functions.reductions",
    "nanquantile": "xgrad.functions.reductions",
    "xtensor": "xgrad.transforms.graphs.symbols",
    "as_xtensor": "xgrad.transforms.graphs.symbols",
    "constant": "xgrad.transforms.graphs.symbols",
    "function": "xgrad.transforms.graphs.function",
    "graph_replace": "xgrad.transforms.graphs.function",
    "dprint": "xgrad.transforms.graphs.show",
    "draw": "xgrad.transforms.graphs.draw",
    "at": "xgrad.transforms.graphs.at",
    "ravel": "xgrad.transforms.flat",
    "is_traced": "xgrad.labels",
    "options": "xgrad.options",
}

# modules under their public name
_MODULES = {
    "datasets": "xgrad.datasets",
    "errors": "xgrad.errors",
    "linalg": "xgrad.functions.linalg",
    "fft": "xgrad.functions.fft",
    "model": "xgrad.model",
    "random": "xgrad.functions.random",
    "signal": "xgrad.functions.signal",
    "special": "xgrad.functions.special",
}

# xarray's own functions and classes: they work on traced arrays as they are
_XARRAY = """
    Coordinates DataArray DataTree Dataset IndexVariable Variable align apply_ufunc broadcast combine_by_coords
    combine_nested concat corr cov cross date_range decode_cf dot full_like get_options groupers indexes
    infer_freq load_dataarray load_dataset load_datatree map_blocks merge ones_like open_dataarray open_dataset
    open_datatree open_mfdataset open_zarr polyval set_options testing ufuncs unify_chunks where zeros_like
""".split()

# NumPy's functions, which give labeled arrays for labeled arrays
_NUMPY = """
    abs absolute add all angle any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort
    bool_ cbrt ceil clip complex64 complex128 conj copysign cos cosh cumprod cumsum deg2rad divide e einsum equal exp
    exp2 expm1 eye fabs float32 float64 floor floor_divide fmax fmin fmod full greater greater_equal heaviside hypot
    imag inf int32 int64 isclose isfinite isinf isnan less less_equal linspace log log10 log1p log2 logaddexp
    logaddexp2 logical_and logical_not logical_or logical_xor logspace max maximum mean median min minimum mod multiply
    nan nan_to_num nanmax nanmean nanmin nanstd nansum nanvar negative newaxis not_equal ones pi positive power prod
    rad2deg real reciprocal remainder rint round sign signbit sin sinh sort sqrt square std subtract sum tan tanh
    true_divide trunc var zeros
""".split()


def __getattr__(name: str) -> Any:
    value = _find(name)
    globals()[name] = value  # found once; from now on an ordinary attribute
    return value


def _find(name: str) -> Any:
    if name in _OWN:
        return getattr(import_module(_OWN[name]), name)
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _XARRAY:
        return getattr(import_module("xarray"), name)
    if name in _NUMPY:
        return getattr(import_module("numpy"), name)
    raise AttributeError(f"module 'xgrad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_OWN, *_MODULES, *_XARRAY, *_NUMPY])


# now, since the first import of the module of that name would otherwise put the module here
globals()["options"] = _find("options")
import_module("xgrad.options").look_up_rules(
    lambda: import_module("xgrad.lower.catalogue").rule_names()
)
