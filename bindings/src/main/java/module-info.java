/** Native code as Java values: libtorch's tensors and operators, Headwater's kernels. */
module dev.headwater.bindings {
    exports dev.headwater.bindings;
}
