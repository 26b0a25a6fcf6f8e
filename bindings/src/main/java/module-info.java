/**
 * Native code as Java values: libtorch's tensors and operators, Headwater's kernels. The one module that calls native code:
 * {@code --enable-native-access=dev.headwater.bindings}. Generated bindings stay inside.
 */
module dev.headwater.bindings {
    requires dev.headwater.kernels;
    requires static transitive org.jspecify;

    exports dev.headwater.bindings;
}
