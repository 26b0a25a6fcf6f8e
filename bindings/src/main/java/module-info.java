/** Native code as Java values: libtorch's tensors and operators, Headwater's kernels. */
module dev.headwater.bindings {
    requires static transitive org.jspecify;

    exports dev.headwater.bindings;
}
