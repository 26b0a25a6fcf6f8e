/** Options that commands share, and what they stand for. */
@NullMarked
package dev.headwater.cli.option;

import org.jspecify.annotations.NullMarked;
