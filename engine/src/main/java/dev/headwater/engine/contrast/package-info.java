/** Other prompts that a prompt is held against: what their mean takes away is what they have in common. */
@NullMarked
package dev.headwater.engine.contrast;

import org.jspecify.annotations.NullMarked;
