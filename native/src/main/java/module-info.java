/** Headwater's kernels for this platform, as a library that {@code dev.headwater.bindings} unpacks and loads. */
module dev.headwater.kernels {}
