/** What tries to break Headwater, as one command line. */
@NullMarked
package dev.headwater.robustness;

import org.jspecify.annotations.NullMarked;
