/**
 * What Python's pickle and PyTorch's files made of it hold, read as data: nothing in a file is ever looked up or run.
 * Source of the formats: Python's Lib/pickletools.py, PyTorch's torch/serialization.py.
 */
@NullMarked
package dev.headwater.engine.pickle;

import org.jspecify.annotations.NullMarked;
