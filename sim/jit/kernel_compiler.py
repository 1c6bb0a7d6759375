"""How numba compiles kernels: without passes for what no kernel has, and functions inside one only as far as LLVM's input.

numba optimizes every function together with all that it calls, and makes machine code of that, so that Python could call it.
Of a kernel only the entry point is called: what stands below it would be optimized and written anew for each function on the
way up, a third of all compiling. Here that is done once, by the entry point, with what its functions handed up. And the type
of each `a + b` is looked for in some dozen templates; here it is remembered.

Compilers, passes and libraries are where numba is meant to be extended; but two methods of its libraries are not public.
"""

from __future__ import annotations

from typing import Any, ClassVar

from numba.core import codegen, compiler, compiler_machinery, typed_passes, types, typing

_libraries: Any = codegen
_machinery: Any = compiler_machinery
_passes: Any = typed_passes
_compiler: Any = compiler
_typing: Any = typing

UNUSED_PASSES = frozenset(
    {
        *("WithLifting", "InlineClosureLikes", "MakeFunctionToJitFunction", "InlineInlinables", "InlineOverloads"),
        *("RewriteSemanticConstants", "DeadBranchPrune", "RewriteDynamicRaises", "NopythonRewrites"),
        *("FindLiterallyCalls", "LiteralUnroll", "LiteralPropagationSubPipelinePass", "DumpParforDiagnostics"),
    }
)
"""numba's passes for closures, `with`, its own inlining, branches known beforehand, exceptions, whole arrays, literals."""


class CachingTypingContext(_typing.Context):  # type: ignore[misc]
    """numba's context of types, which remembers those of operators and built-in functions."""

    signatures: ClassVar[dict[Any, Any]] = {}
    """The signature by function and argument types; of a few hundred, each is asked for thirty times."""

    @classmethod
    def sharing(cls, context: Any) -> CachingTypingContext:
        """Return a context that has everything in common with numba's."""
        shared = object.__new__(cls)
        shared.__dict__ = context.__dict__
        return shared

    def resolve_function_type(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """Return the signature of a call; None if there is none."""
        if keywords or not isinstance(function, types.Function):
            return super().resolve_function_type(function, arguments, keywords)
        key = function, arguments
        if self.signatures.get(key) is None:
            self.signatures[key] = super().resolve_function_type(function, arguments, keywords)
        return self.signatures[key]


class KernelCompiler(_compiler.CompilerBase):  # type: ignore[misc]
    """numba's compiler without passes that find nothing to do in a kernel."""

    def __init__(self, context: Any, *others: Any) -> None:
        """Begin with a context of types that remembers; `others` are numba's."""
        super().__init__(CachingTypingContext.sharing(context), *others)

    def define_pipelines(self) -> list[Any]:
        """Return numba's usual pipeline without those passes."""
        pipeline = _compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes = [step for step in pipeline.passes if step[0].__name__ not in UNUSED_PASSES]
        pipeline.finalize()
        return [pipeline]


class InnerCompiler(KernelCompiler):
    """The compiler of functions inside kernels: it ends with LLVM's input, to which Python has no address."""

    def define_pipelines(self) -> list[Any]:
        """Return the pipeline of kernels, with a library that is only linked."""
        self.state.flags.no_compile = True
        self.state.library = InnerLibrary(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        (pipeline,) = super().define_pipelines()
        pipeline.add_pass_after(RegisterInnerFunction, _passes.NativeLowering)
        pipeline.finalize()
        return [pipeline]


class InnerLibrary(_libraries.JITCodeLibrary):  # type: ignore[misc]
    """LLVM's input for one function and all that it calls, to be linked into its callers."""

    def _optimize_final_module(self) -> None:
        """Leave optimizing to the entry point."""

    def _finalize_final_module(self) -> None:
        """Leave machine code to the entry point."""
        self._finalized = True


@_machinery.register_pass(mutates_CFG=True, analysis_only=False)
class RegisterInnerFunction(_machinery.LoweringPass):  # type: ignore[misc]
    """Make a function without an address known to its callers."""

    _name = "register_inner_function"

    def __init__(self) -> None:
        """Begin: numba's own is abstract."""
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        """Have callers find the function by another object in place of its address."""
        # numba's dispatcher accepts built-in functions alone; a method of a new list is one that nothing else is equal to
        key: Any = [].append
        state.targetctx.insert_user_function(key, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=key)
        return True
