/**
 * The engine as {@code libheadwater.so} sees it: static methods over handles, which native code calls through JNI. Nothing is
 * exported; {@code native/include/headwater.h} says what hosts may do, and every check of handles, shapes and lifetimes is made here.
 */
@NullMarked
package dev.headwater.engine.host;

import org.jspecify.annotations.NullMarked;
