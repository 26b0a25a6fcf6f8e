/** What many graphs say together: features that recur by role, edges between them, contrasts of two sets, and their check. */
@NullMarked
package dev.headwater.engine.circuit;

import org.jspecify.annotations.NullMarked;
